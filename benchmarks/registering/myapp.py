"""MyApp's own part of registering on this machine: MariaDB, Redis, worker and beat, and EventBridge beside them."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, Final

import boto3
import requests

from deploy.local.processes import Supervisor, wait_until
from deploy.local.servers.group import start_server_group
from deploy.local.state import REPOSITORY, LocalState

ACCOUNT_ID, REGION = "111111111111", "ap-southeast-1"
_READY_SECONDS: Final = 60.0


@contextmanager
def started_myapp(state: LocalState) -> Iterator[str]:
    """Start all of it, set Django up in this process, and give EventBridge's URL; the database's disk is waited for."""
    with ExitStack() as parts:
        parts.enter_context(state.held())
        supervisor = Supervisor(state.processes, state.logs)
        parts.callback(supervisor.stop_all)
        servers = start_server_group(state.data.resolve(), state.logs)
        parts.callback(servers.stop)
        url = f"http://127.0.0.1:{state.port('aws')}"
        command = [sys.executable, "-m", "benchmarks.registering.eventbridge", str(state.port("aws")), str(state.root)]
        supervisor.start("aws", command, os.environ, REPOSITORY)
        os.environ.update({**servers.environment(), **_settings(state, url)})
        assert wait_until(lambda: _answers(url), _READY_SECONDS), f"EventBridge does not answer; logs: {state.logs}"
        boto3.client("events").create_event_bus(Name="myapp")
        _migrate()
        for name, command in _celery(state).items():
            supervisor.start(name, command, os.environ, REPOSITORY)
        yield url
        supervisor.raise_if_dead()


def operator() -> Any:
    """Return a user who registers."""
    from django.contrib.auth.models import User

    return User.objects.get_or_create(username="operator")[0]


def _settings(state: LocalState, url: str) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "myapp.settings",
        "MYAPP_SECRET_KEY": state.secret("secret-key"),
        "MYAPP_EVENT_BUS_NAME": "myapp",
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": ACCOUNT_ID,
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": REGION,
    }


def _celery(state: LocalState) -> dict[str, list[str]]:
    celery = [sys.executable, "-m", "celery", "-A", "myapp"]
    return {
        "worker": [*celery, "worker", "--concurrency", "1", "--loglevel", "WARNING"],
        "beat": [*celery, "beat", "--schedule", str(state.root / "beat")],
    }


def _migrate() -> None:
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", interactive=False, verbosity=0)


def _answers(url: str) -> bool:
    try:
        return requests.get(f"{url}/_local/health", timeout=5).ok
    except requests.RequestException:
        return False
