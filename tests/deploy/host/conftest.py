"""A host that has run its user data, for the tests of one file: making it takes minutes."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pymysql
import pytest

from deploy.account1_app.host.bundle import build
from deploy.local.servers.launch import stop_recorded_servers
from deploy.local.state import SHARED_PREFIX, make_shared_folder
from tests.deploy.host.booted import Host, booted_host

DATABASE: Final = "host_boot"


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    path = make_shared_folder(f"{SHARED_PREFIX}host-")
    yield path
    stop_recorded_servers(path)
    shutil.rmtree(path)


@pytest.fixture(scope="module")
def archive(folder: Path) -> Path:
    return build(folder / "bundle")


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    """A database of its own on the tests' MariaDB."""
    session = pymysql.connect(
        host=os.environ["MYAPP_DATABASE_HOST"],
        port=int(os.environ["MYAPP_DATABASE_PORT"]),
        user=os.environ["MYAPP_DATABASE_USER"],
        password=os.environ["MYAPP_DATABASE_PASSWORD"],
        ssl_ca=os.environ["LOCAL_CA_BUNDLE"],
    )
    with session, session.cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {DATABASE} COLLATE utf8mb4_bin")
        yield DATABASE
        cursor.execute(f"DROP DATABASE {DATABASE}")


@pytest.fixture(scope="module")
def host(folder: Path, archive: Path, database: str) -> Iterator[Host]:
    with booted_host(folder, archive, database) as host:
        done = host.machine.run(["bash", "-s"], text=host.release.script)
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{host.last_words()}"
        yield host
