#!/usr/bin/env bash
# Prepares a machine for MyApp: system packages, an account for private servers, a virtual environment.
# Looks first and installs only what is missing; never starts, stops or configures a service of the system.
# `setup.sh checks` installs what only the checks of the hosts' files and of the other scripts need, too.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

readonly VENV=.venv
readonly STAMP="$VENV/.requirements-stamp"
readonly ACCOUNT=myapp-local
readonly OLDEST_POSTGRES=15
readonly PURPOSE="${1:-}"

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# --- what is there already ------------------------------------------------------------------------

has_program() { PATH="$PATH:/usr/sbin:/usr/local/sbin" command -v "$1" >/dev/null; }

has_venv_module() { [ -x "$1" ] && "$1" -c 'import ensurepip, venv' 2>/dev/null; }

# Debian's own Python comes first: the headers that apt installs are for that one.
find_python() {
    local candidate
    for candidate in /usr/bin/python3.11 "$(command -v python3.11 || true)"; do
        if has_venv_module "$candidate"; then echo "$candidate"; return; fi
    done
}

has_python_headers() {
    local python
    python="$(find_python)"
    [ -n "$python" ] && "$python" -c 'import pathlib, sysconfig, sys
sys.exit(not pathlib.Path(sysconfig.get_paths()["include"], "Python.h").exists())'
}

has_postgres() {
    local program version
    for program in /usr/lib/postgresql/*/bin/postgres /opt/homebrew/opt/postgresql@*/bin/postgres \
        /usr/local/opt/postgresql@*/bin/postgres "$(command -v postgres || true)"; do
        [ -x "$program" ] || continue
        version="$("$program" --version | sed -E 's/^[^0-9]*([0-9]+).*/\1/')"
        if [ "$version" -ge "$OLDEST_POSTGRES" ]; then return 0; fi
    done
    return 1
}

has_chromium() { has_program chromium || has_program chromium-browser || has_program google-chrome; }

has_mysql_headers() { has_program pkg-config && { pkg-config --exists mysqlclient || pkg-config --exists libmariadb; }; }

has_fonts() { [ -d /usr/share/fonts/truetype/dejavu ] || [ "$(uname -s)" = Darwin ]; }

# Prints one Debian package a line.
missing_packages() {
    [ -n "$(find_python)" ] || printf '%s\n' python3.11 python3.11-venv
    has_python_headers || echo python3.11-dev
    has_program mariadbd || echo mariadb-server-core
    has_program mariadb-install-db || printf '%s\n' mariadb-server-core mariadb-client
    has_postgres || echo postgresql
    has_program redis-server || echo redis-server
    has_program cc || echo build-essential
    has_program pkg-config || echo pkg-config
    has_mysql_headers || echo default-libmysqlclient-dev
    has_chromium || echo chromium
    has_fonts || echo fonts-dejavu-core
    [ "$PURPOSE" != checks ] || missing_check_packages
}

# The hosts are Debian's: on another system their tests say that they were left out.
missing_check_packages() {
    [ "$(uname -s)" = Linux ] || return 0
    has_program shellcheck || echo shellcheck
    has_program nginx || echo nginx-light
    has_program openssl || echo openssl
    has_program systemd-analyze || echo systemd
    has_program debootstrap || echo debootstrap
    has_program dpkg-deb || echo dpkg
    has_program ip || echo iproute2
}

# --- system packages ------------------------------------------------------------------------------

# Runs as root. While it installs, no package may start its service (policy-rc.d) or make a PostgreSQL
# cluster that the next boot would start; both settings are put back afterwards.
install_as_root() {
    set -euo pipefail
    policy=/usr/sbin/policy-rc.d
    cluster=/etc/postgresql-common/createcluster.d/myapp-setup.conf
    # shellcheck disable=SC2317 # called by the trap
    restore() {
        rm -f "$policy" "$cluster"
        if [ -e "$policy.before-myapp" ]; then mv "$policy.before-myapp" "$policy"; fi
    }
    if [ -e "$policy" ] && [ ! -e "$policy.before-myapp" ]; then mv "$policy" "$policy.before-myapp"; fi
    trap restore EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
    mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' >"$cluster"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq </dev/null
    if ! apt-get install -y -qq --no-install-recommends "$@" </dev/null >/var/log/myapp-setup.log 2>&1; then
        tail -n 15 /var/log/myapp-setup.log >&2
        return 1
    fi
    # The next boot, too, must not start what was installed only for its program.
    case " $* " in
        *" redis-server "*) if command -v systemctl >/dev/null; then systemctl --quiet disable redis-server || true; fi ;;
    esac
    case " $* " in
        *" nginx-light "*) if command -v systemctl >/dev/null; then systemctl --quiet disable nginx || true; fi ;;
    esac
}

become_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        sudo "$@"
    fi
}

can_become_root() {
    [ "$(id -u)" = 0 ] && return
    command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }
}

install_system_packages() {
    local packages
    packages="$(missing_packages | sort -u | tr '\n' ' ')"
    packages="${packages% }"
    [ -n "$packages" ] || return 0
    if [ "$(uname -s)" = Darwin ]; then
        fail "programs are missing; install them with:" \
            "brew install python@3.11 mariadb postgresql@15 redis pkg-config && brew install --cask chromium"
    fi
    command -v apt-get >/dev/null || fail "these Debian packages, or this system's like, are missing: $packages"
    local remedy="sudo apt-get update && sudo apt-get install --no-install-recommends $packages"
    can_become_root || fail "system packages are missing and this needs root; run: $remedy"
    say "installing system packages: $packages"
    # shellcheck disable=SC2086 # the packages are separate words
    become_root bash -c "$(declare -f install_as_root); install_as_root \"\$@\"" setup $packages ||
        fail "the packages could not be installed (the full log: /var/log/myapp-setup.log); try: $remedy"
    packages="$(missing_packages | sort -u | tr '\n' ' ')"
    [ -z "$packages" ] || fail "still missing after the installation: $packages(Debian 12 has them all;" \
        "PostgreSQL must be $OLDEST_POSTGRES or later, Python 3.11 with its venv module)"
}

# PostgreSQL and MariaDB refuse to run as root: when we are root, they run as this account.
make_account() {
    [ "$(id -u)" = 0 ] || return 0
    if getent passwd "$ACCOUNT" >/dev/null; then return; fi
    say "making the system account $ACCOUNT for the private servers"
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$ACCOUNT"
}

# --- virtual environment --------------------------------------------------------------------------

wanted_stamp() {
    "$VENV/bin/python" -c 'import hashlib, pathlib, sys
names = ["deploy/requirements-build.lock", "deploy/local/requirements.lock"]
digest = hashlib.sha256(b"".join(pathlib.Path(name).read_bytes() for name in names)).hexdigest()
print(sys.version, digest)'
}

is_usable_venv() {
    [ "$("$VENV/bin/python" -c 'import sys; print(*sys.version_info[:2])' 2>/dev/null)" = "3 11" ]
}

install_locked() {
    local lock="$1"
    shift
    "$VENV/bin/python" -m pip install --quiet --quiet --disable-pip-version-check --no-input \
        "$@" --no-deps --require-hashes -r "$lock" ||
        fail "pip could not install $lock (its reason stands above); run make setup again"
}

make_venv() {
    if ! is_usable_venv; then
        say "making the virtual environment $VENV"
        rm -f "$STAMP"
        "$(find_python)" -m venv --clear "$VENV"
    fi
    local stamp
    stamp="$(wanted_stamp)"
    if [ "$(cat "$STAMP" 2>/dev/null)" = "$stamp" ]; then return; fi
    say "installing Python packages (a minute or two the first time)"
    # By their hashes, wheels only. mysqlclient has none: it is compiled by the locked setuptools, not by what pip would
    # fetch for that.
    install_locked deploy/requirements-build.lock --only-binary :all:
    install_locked deploy/local/requirements.lock --only-binary :all: --no-binary mysqlclient --no-build-isolation
    echo "$stamp" >"$STAMP"
}

install_system_packages
make_account
make_venv
