#!/usr/bin/env bash
# Asks PyPI's database of vulnerabilities about everything that ships. Exit codes: 1 something is vulnerable,
# 2 nothing is known, because the database could not be asked.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
report="$(mktemp)"
trap 'rm -f "$report"' EXIT

unknown() {
    echo "audit: nothing is known of $1, because pypi.org could not be asked about vulnerabilities ($2): try again with a way to it." >&2
    exit 2
}

# One question first: without a network each of the many is tried for minutes, and the reason is lost among them.
reason="$(.venv-tools/bin/python -c '
import urllib.request
try:
    urllib.request.urlopen("https://pypi.org/pypi/pip/json", timeout=20).close()
except OSError as error:
    print(error)')"
[ -z "$reason" ] || unknown "what ships" "$reason"

code=0
for lock in requirements.lock deploy/account*/src/requirements.lock; do
    echo "pip-audit $lock"
    status=0
    # --strict: what could not be asked about is no pass.
    .venv-tools/bin/pip-audit --requirement "$lock" --disable-pip --require-hashes --strict --progress-spinner off \
        >"$report" 2>&1 || status=$?
    if grep -q -e 'could not be audited' -e 'ConnectionError' -e 'Failed to' -e 'Dependency not found' "$report"; then
        unknown "$lock" "$(tail -n 1 "$report" | cut -c1-200)"
    fi
    if [ "$status" != 0 ]; then cat "$report" >&2; code=1; fi
done
exit $code
