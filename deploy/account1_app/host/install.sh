#!/usr/bin/env bash
# Installs the release this script lies in, and starts it: `…/host/install.sh`, as root, on a host of its own.
# It looks first and does only what is missing, so that it can be run again. The host was told before, by the user data
# of its launch template: /etc/myapp/host (AWS_DEFAULT_REGION, SERVER_NAME, LOG_GROUP, METRICS_NAMESPACE,
# ARTIFACT_BUCKET and the hashes of Amazon's agents) and /etc/myapp/settings.
set -euo pipefail

RELEASE="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
readonly RELEASE
readonly HOST="$RELEASE/host"
readonly CURRENT=/opt/myapp/current
readonly ACCOUNT=myapp
readonly UNITS=/etc/systemd/system
readonly READY_SECONDS=120

say() { printf 'myapp install: %s\n' "$*"; }
fail() { printf 'myapp install: %s\n' "$*" >&2; exit 1; }

check_host() {
    [ "$(id -u)" = 0 ] || fail "this needs root; run: sudo $0"
    local platform
    platform="$(. /etc/os-release && echo "$ID-$VERSION_ID-$(uname -m)")"
    [ "$platform" = "$(cat "$RELEASE/PLATFORM")" ] ||
        fail "this release is for $(cat "$RELEASE/PLATFORM"), not for $platform: change the image of the host"
    local file
    for file in /etc/myapp/host /etc/myapp/settings; do
        [ -r "$file" ] || fail "$file is missing: the user data of the launch template writes it"
    done
    # shellcheck source=/dev/null
    . /etc/myapp/host
    export AWS_DEFAULT_REGION AWS_CA_BUNDLE=/etc/ssl/certs/ca-certificates.crt # Debian's updates keep that one
    : "${AWS_DEFAULT_REGION:?missing in /etc/myapp/host}" "${SERVER_NAME:?missing in /etc/myapp/host}"
    : "${LOG_GROUP:?missing in /etc/myapp/host}" "${METRICS_NAMESPACE:?missing in /etc/myapp/host}"
    : "${ARTIFACT_BUCKET:?missing in /etc/myapp/host}" "${SSM_AGENT_SHA256:?missing in /etc/myapp/host}"
    : "${CLOUDWATCH_AGENT_SHA256:?missing in /etc/myapp/host}"
}

check_files() {
    say "checking the files of $(cat "$RELEASE/VERSION")"
    (cd "$RELEASE" && sha256sum --check --quiet --strict SHA256SUMS) || fail "files of the release were changed"
}

is_installed() { dpkg-query --show --showformat='${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

install_packages() {
    local package missing=()
    while read -r package; do
        is_installed "$package" || missing+=("$package")
    done <"$HOST/packages.txt"
    [ "${#missing[@]}" -gt 0 ] || return 0
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}"
}

# Debian has neither agent. They lie where the release lies, as somebody checked and put them there, under the hashes that
# the stack was given: they run as root, and Amazon's newest is not what anybody has looked at.
install_agent() {
    local name="$1" sha256="$2" object folder
    is_installed "$name" && return
    say "installing $name"
    folder="$(mktemp -d)"
    object="s3://$ARTIFACT_BUCKET/agents/$name-$sha256.deb"
    aws s3 cp --only-show-errors "$object" "$folder/agent.deb" ||
        fail "$object could not be fetched: deploy/account1_app/README.md says how Amazon's agents get there"
    sha256sum --check --quiet --strict <<<"$sha256  $folder/agent.deb" ||
        fail "$object is not what its name says: find out who changed it"
    dpkg --install "$folder/agent.deb"
    rm -r "$folder"
}

install_agents() {
    install_agent amazon-ssm-agent "$SSM_AGENT_SHA256"
    install_agent amazon-cloudwatch-agent "$CLOUDWATCH_AGENT_SHA256"
    sed "s|@LOG_GROUP@|$LOG_GROUP|; s|@METRICS_NAMESPACE@|$METRICS_NAMESPACE|" "$HOST/cloudwatch-agent.json" \
        >/etc/myapp/cloudwatch-agent.json
    amazon-cloudwatch-agent-ctl -a fetch-config -m ec2 -c file:/etc/myapp/cloudwatch-agent.json -s
}

make_account() {
    getent passwd "$ACCOUNT" >/dev/null && return
    useradd --system --user-group --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$ACCOUNT"
}

# Nothing is fetched: every wheel lies in the release, and pip takes those only whose hash it has.
make_venv() {
    [ -e "$RELEASE/venv/.complete" ] && return
    say "installing the Python packages"
    python3.11 -m venv --clear "$RELEASE/venv"
    "$RELEASE/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-input --no-cache-dir \
        --no-index --find-links "$RELEASE/wheels" --require-hashes -r "$RELEASE/requirements.lock"
    # The processes may not write where the code lies. Compiling runs none of it; -I: nor what lies in this folder.
    "$RELEASE/venv/bin/python" -I -m compileall -q "$RELEASE/myapp" "$RELEASE/dataflows" "$RELEASE/reports"
    touch "$RELEASE/venv/.complete"
}

# Before anything of it is checked or run: from then on nobody but root can change it.
own_release() {
    chown -R root:root "$RELEASE"
    chmod -R go-w,go+rX "$RELEASE"
}

point_to_release() { ln -sfn "$RELEASE" "$CURRENT"; }

install_units() {
    install -d -m 0750 -o root -g adm /var/log/myapp
    install -d "$UNITS/myapp-.service.d" /etc/systemd/journald.conf.d
    install -m 0644 "$HOST"/systemd/myapp*.service "$HOST"/systemd/myapp*.socket "$HOST"/systemd/myapp.target "$UNITS/"
    install -m 0644 "$HOST"/systemd/myapp-.service.d/*.conf "$UNITS/myapp-.service.d/"
    install -m 0644 "$HOST/systemd/journald.conf" /etc/systemd/journald.conf.d/myapp.conf
    install -m 0644 "$HOST/logrotate" /etc/logrotate.d/myapp
    install -m 0755 "$HOST/manage.sh" /usr/local/sbin/myapp-manage
    systemctl daemon-reload
    systemctl try-restart systemd-journald.service
}

install_nginx() {
    install -d -m 0700 /etc/nginx/myapp
    if [ ! -s /etc/nginx/myapp/host.key ]; then
        openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -subj "/CN=$(hostname)" \
            -keyout /etc/nginx/myapp/host.key -out /etc/nginx/myapp/host.crt 2>/dev/null
    fi
    sed "s/@SERVER_NAME@/$SERVER_NAME/" "$HOST/nginx/myapp.conf" >/etc/nginx/sites-available/myapp
    ln -sfn ../sites-available/myapp /etc/nginx/sites-enabled/myapp
    rm -f /etc/nginx/sites-enabled/default
    nginx -t -q
    systemctl enable --quiet nginx
    systemctl restart nginx
}

start() {
    say "reading the settings, migrating, starting"
    systemctl restart myapp-settings.service
    systemctl start myapp-migrate.service || fail "the migrations failed: see /var/log/myapp/myapp-migrate.log"
    systemctl enable --quiet myapp.target
    systemctl restart myapp.target
}

# As the balancer's clients come, but for the balancer.
answers() {
    curl --silent --fail --insecure --max-time 5 --output /dev/null \
        --resolve "$SERVER_NAME:443:127.0.0.1" "https://$SERVER_NAME$1"
}

# MyApp answers the first once it reaches its database; the second is what the balancer asks.
is_healthy() { answers /health/ && answers /health/live/; }

await_health() {
    local unit deadline=$((SECONDS + READY_SECONDS))
    until is_healthy; do
        [ "$SECONDS" -lt "$deadline" ] || fail "no answer from /health/ in $READY_SECONDS s: see /var/log/myapp"
        sleep 1
    done
    for unit in web live worker beat status; do
        systemctl --quiet is-active "myapp-$unit.service" || fail "myapp-$unit does not run: see /var/log/myapp"
    done
}

check_host
own_release
check_files
install_packages
make_account
make_venv
point_to_release
install_units
install_agents
install_nginx
start
await_health
say "$(cat "$RELEASE/VERSION") runs"
