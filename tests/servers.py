"""A pytest plugin: private MariaDB, PostgreSQL and Redis for the whole run, told by environment variables.

They are started before Django's settings are read, once, by the process that the user started; the
workers of pytest-xdist inherit the variables. Everything is stopped and removed when pytest ends.
"""

import os
import secrets
import shutil
import signal
from collections.abc import Generator
from pathlib import Path

import pytest

from deploy.local.processes import ProcessRecord, start_mark
from deploy.local.servers.errors import ServerError
from deploy.local.servers.group import ServerGroup, start_server_group
from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.state import SHARED_FOLDER, SHARED_PREFIX, make_shared_folder

PREFIX = f"{SHARED_PREFIX}tests-"
OWNER_NAME = "pytest.json"


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Generator[None]:
    """Start the servers; a wrapper runs before pytest-django's own hook, which reads the settings."""
    os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "myapp")  # of what Lambda code is called without a template
    if "PYTEST_XDIST_WORKER" not in os.environ:
        _start_servers(early_config)
    return (yield)


def _start_servers(config: pytest.Config) -> None:
    # Whoever ends us politely (a CI job, `timeout`) gets the clean-up of a Ctrl-C.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    _remove_abandoned_folders()
    folder = make_shared_folder(PREFIX)
    config.add_cleanup(lambda: _remove(folder))
    ProcessRecord("pytest", os.getpid(), start_mark(os.getpid()) or "", "", 0).write(folder / OWNER_NAME)
    try:
        servers = start_server_group(folder, folder, is_durable=False)
    except ServerError as error:
        raise pytest.UsageError(str(error)) from error
    config.add_cleanup(servers.stop)
    os.environ.update(environment_of(servers))


def environment_of(servers: ServerGroup) -> dict[str, str]:
    """Return the environment that tells the tests and MyApp where these servers are."""
    return {
        **servers.environment(),
        "MYAPP_SECRET_KEY": secrets.token_urlsafe(48),
        "MYAPP_DEBUG": "false",
        "MYAPP_ALLOWED_HOSTS": "testserver,localhost,127.0.0.1",
        "LOCAL_POSTGRES_HOST": servers.postgres.host,
        "LOCAL_POSTGRES_PORT": str(servers.postgres.port),
        "LOCAL_POSTGRES_USER": servers.postgres.user,
        "LOCAL_POSTGRES_PASSWORD": servers.postgres.password,
        "LOCAL_CA_BUNDLE": str(servers.certificates.ca_path),
    }


def _remove_abandoned_folders() -> None:
    """Stop and remove what earlier runs left behind that were killed without a chance to do it."""
    for folder in SHARED_FOLDER.glob(f"{PREFIX}*"):
        # Another user's folder must not make us stop anything.
        if folder.is_symlink() or folder.stat().st_uid != os.geteuid():
            continue
        owner = ProcessRecord.read(folder / OWNER_NAME)
        if owner is not None and not owner.is_alive():
            stop_recorded_servers(folder)
            _remove(folder)


def _remove(folder: Path) -> None:
    # Two runs may find the same abandoned folder at once.
    shutil.rmtree(folder, ignore_errors=True)
