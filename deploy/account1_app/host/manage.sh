#!/usr/bin/env bash
# `sudo myapp-manage createsuperuser`: a command of manage.py on this host, in MyApp's account and environment.
set -euo pipefail

[ "$(id -u)" = 0 ] || { printf 'myapp-manage: this needs root; run: sudo myapp-manage %s\n' "$*" >&2; exit 1; }
set -a
# shellcheck source=/dev/null
. /run/myapp/environment
set +a
cd /opt/myapp/current
export HOME=/nonexistent PYTHONDONTWRITEBYTECODE=1 AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt
exec setpriv --reuid=myapp --regid=myapp --clear-groups --no-new-privs --inh-caps=-all -- \
    venv/bin/python manage.py "$@"
