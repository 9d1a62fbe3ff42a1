"""The broker is spoken to over TLS where its address says so, and only when its certificate is the right one."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.servers.certificates import ensure_certificates
from deploy.local.servers.redis import RedisServer, start_redis
from deploy.local.state import REPOSITORY, SHARED_PREFIX, make_shared_folder

CONNECT = (
    "from myapp.celery import app; app.connection_for_write().ensure_connection(max_retries=1); print('connected')"
)


@pytest.fixture(scope="module")
def broker() -> Iterator[RedisServer]:
    folder = make_shared_folder(f"{SHARED_PREFIX}broker-")
    certificates = ensure_certificates(folder / "certificates")
    server = start_redis(folder / "redis", log_path=folder / "redis.log", certificates=certificates)
    yield server
    server.stop()
    shutil.rmtree(folder)


def connected(url: str, ca_bundle: Path) -> "subprocess.CompletedProcess[str]":
    """Connect to the broker as MyApp's processes do."""
    environment = {**os.environ, "MYAPP_REDIS_URL": url, "MYAPP_REDIS_CA_BUNDLE": str(ca_bundle)}
    command = [sys.executable, "-c", CONNECT]
    return subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)


def test_broker_with_the_right_certificate_is_spoken_to(broker: RedisServer) -> None:
    assert broker.ca_path is not None
    assert connected(broker.url, broker.ca_path).stdout == "connected\n"


def test_broker_that_only_another_authority_vouches_for_is_refused(broker: RedisServer, tmp_path: Path) -> None:
    other = ensure_certificates(tmp_path / "other").ca_path
    assert "CERTIFICATE_VERIFY_FAILED" in connected(broker.url, other).stderr


def test_broker_of_another_name_is_refused(broker: RedisServer) -> None:
    assert broker.ca_path is not None
    nameless = broker.url.replace("@127.0.0.1", "@127.1.1.1")
    assert "connected" not in connected(nameless, broker.ca_path).stdout
