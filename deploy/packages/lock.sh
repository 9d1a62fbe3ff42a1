#!/usr/bin/env bash
# Writes requirements.lock beside a folder's requirements.txt: all that it needs, pinned, each with its hashes.
#   lock.sh folder uv-options…
# The first line names the file it was made from; a test compares. Versions already locked stay, unless a pin moved.
set -euo pipefail

folder="$1"
shift
REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly UV="$REPOSITORY/.venv-tools/bin/uv"
text="$folder/requirements.txt"
lock="$folder/requirements.lock"

resolved="$(mktemp)"
trap 'rm -f "$resolved"' EXIT
if [ -f "$lock" ]; then cp "$lock" "$resolved"; fi
"$UV" pip compile --quiet --generate-hashes --no-header --no-annotate --output-file "$resolved" "$@" "$text"
{
    echo "# Made by make -C deploy locks from requirements.txt, sha256 $(sha256sum <"$text" | cut -d' ' -f1)"
    grep -v '^#' "$resolved"
} >"$lock"
echo "$lock: $(grep -c '==' "$lock") packages"
