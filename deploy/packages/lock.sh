#!/usr/bin/env bash
# Writes a requirements file's lock beside it: all that it needs, pinned, each with its hashes.
#   lock.sh requirements-file uv-options…
# The first line names what it was made from, files that it includes too; a test compares. Versions already locked stay,
# unless a pin moved.
set -euo pipefail

text="$1"
shift
REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly UV="$REPOSITORY/.venv-tools/bin/uv"
lock="${text%.txt}.lock"

# The file, and after it those that its lines "-r other" include.
sources() {
    local included
    cat "$text"
    while read -r included; do cat "$(dirname "$text")/$included"; done < <(sed -n 's/^-r //p' "$text")
}

resolved="$(mktemp)"
trap 'rm -f "$resolved"' EXIT
if [ -f "$lock" ]; then cp "$lock" "$resolved"; fi
"$UV" pip compile --quiet --generate-hashes --no-header --no-annotate --output-file "$resolved" "$@" "$text"
{
    echo "# Made by make -C deploy locks from $(basename "$text"), sha256 $(sources | sha256sum | cut -d' ' -f1)"
    grep -v '^#' "$resolved"
} >"$lock"
echo "$lock: $(grep -c '==' "$lock") packages"
