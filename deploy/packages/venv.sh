#!/usr/bin/env bash
# Makes a virtual environment of its own for tools: venv.sh folder lock
# Wheels only, each checked against its hash: tools run where credentials are. The lock names all that is needed, so pip
# looks for nothing itself (and could not: it takes what a library wants with extras for a requirement without a hash).
# Python 3.11 or newer will do; MyApp's own environment is not needed, and its libraries stay apart.
set -euo pipefail

folder="$1"
lock="$2"

is_new_enough() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

for python in /usr/bin/python3.11 python3.11 python3 python3.12 python3.13; do
    if is_new_enough "$python"; then break; fi
    python=
done
[ -n "$python" ] || { echo "Python 3.11 or newer, with its venv module, is needed for $folder" >&2; exit 1; }
echo "installing $(basename "$lock") in $(basename "$folder") (a minute or two the first time)"
"$python" -m venv --clear "$folder"
"$folder/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --only-binary :all: \
    --no-deps --require-hashes -r "$lock"
touch "$folder/.installed"
