#!/usr/bin/env bash
# Lists what ships, as CycloneDX 1.6 (JSON): one file for the application, one for each function; and all licences.
#   sbom.sh target-folder function-folder…
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
target="$1"
shift
mkdir -p "$target"
root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
version="$(sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)"

list() {
    printf '[project]\nname = "%s"\nversion = "%s"\n' "$1" "$version" >"$root/pyproject.toml"
    PYTHONWARNINGS=ignore .venv-tools/bin/cyclonedx-py requirements "$2" --pyproject "$root/pyproject.toml" --output-reproducible \
        --output-file "$target/$1.cdx.json"
    echo "${target#"$PWD"/}/$1.cdx.json"
}

list myapp requirements.lock
for function in "$@"; do
    list "$(basename "$function")" "deploy/$(basename "$(dirname "$function")")/src/requirements.lock"
done
.venv-sam/bin/python -m deploy.checks.licences requirements.lock deploy/account*/src/requirements.lock >"$target/licences.txt"
echo "${target#"$PWD"/}/licences.txt"
