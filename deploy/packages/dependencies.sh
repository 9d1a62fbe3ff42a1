#!/usr/bin/env bash
# Puts what a requirements.lock names into a folder, for the functions' runtime (python3.13, x86_64, Amazon Linux 2023
# with glibc 2.34) and not for this machine's, and prints that folder. Wheels only, each checked against its hash.
# Every function of an account takes the same folder; its name holds the lock's hash, so an old one is never taken.
set -euo pipefail

lock="$1"
REPOSITORY="$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)"
readonly REPOSITORY UV="$REPOSITORY/.venv-tools/bin/uv"
readonly DONE="$REPOSITORY/.aws-sam/dependencies"
readonly PLATFORM=x86_64-manylinux_2_34

fail() { printf 'dependencies: %s\n' "$*" >&2; exit 1; }

# The runtime reads these files where nothing can be written, so it would compile them again at each cold start.
compile() { "$PYTHON313" -m compileall -q -j 0 --invalidation-mode unchecked-hash -s "$1" -p /var/task "$1"; }

[ -n "${PYTHON313:-}" ] || fail "run make -C deploy build: it finds the python3.13 that the bytecode is compiled with"
unshipped="$(dirname "$lock")/unshipped.txt"
[ -f "$unshipped" ] || unshipped=/dev/null
digest="$(cat "$lock" "$unshipped" "${BASH_SOURCE[0]}" | sha256sum | cut -c1-16)"
folder="$DONE/$digest"
if [ ! -d "$folder" ]; then
    mkdir -p "$DONE"
    fresh="$(mktemp -d "$DONE/fresh-XXXXXX")"
    trap 'rm -rf "$fresh"' EXIT
    "$UV" pip install --quiet --python "$PYTHON313" --python-platform "$PLATFORM" --only-binary :all: --no-deps \
        --require-hashes --link-mode copy --target "$fresh" -r "$lock" >&2 ||
        fail "uv could not install $lock (its reason stands above)"
    rm -rf "${fresh:?}/bin"
    while read -r pattern; do
        compgen -G "$fresh/$pattern" >/dev/null || fail "$unshipped names $pattern, which is not there"
        # shellcheck disable=SC2086 # a pattern
        rm -rf "${fresh:?}"/$pattern
    done < <(grep -v '^#' "$unshipped")
    compile "$fresh"
    chmod 755 "$fresh"
    mv -T "$fresh" "$folder" 2>/dev/null || [ -d "$folder" ] || fail "$folder could not be made"
fi
echo "$folder"
