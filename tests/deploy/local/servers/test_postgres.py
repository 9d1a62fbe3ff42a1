import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest

from deploy.local.processes import start_process
from deploy.local.servers.account import server_account
from deploy.local.servers.errors import ServerError
from deploy.local.servers.launch import server_environment
from deploy.local.servers.postgres import PostgresServer, start_postgres


def start(parent: Path, name: str) -> PostgresServer:
    return start_postgres(parent / name, log_path=parent / f"{name}.log")


@pytest.fixture(scope="module")
def server(parent: Path) -> Iterator[PostgresServer]:
    server = start(parent, "postgres")
    yield server
    server.stop()


def query(server: PostgresServer, statement: LiteralString, password: str | None = None) -> list[tuple[Any, ...]]:
    login = f"host={server.host} port={server.port} user={server.user} dbname=postgres"
    with psycopg.connect(login, password=password or server.password) as connection:
        cursor = connection.execute(statement)
        return cursor.fetchall() if cursor.description else []


def kill(server: PostgresServer) -> None:
    os.kill(server.process.record.pid, signal.SIGKILL)
    server.process.popen.wait()


def test_refuses_another_password(server: PostgresServer) -> None:
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        query(server, "SELECT 1", password="wrong")


def test_lives_in_utc_and_utf8(server: PostgresServer) -> None:
    [settings] = query(
        server,
        "SELECT current_setting('TimeZone'), current_setting('server_encoding'), current_setting('max_connections'),"
        " current_setting('listen_addresses'), lower('É')",
    )
    assert settings == ("UTC", "UTF8", "200", "127.0.0.1", "é")


def test_sorts_text_by_its_bytes(server: PostgresServer) -> None:
    rows = query(server, "SELECT x FROM (VALUES ('é'), ('z'), ('B'), ('a')) AS v(x) ORDER BY x")
    assert [x for (x,) in rows] == ["B", "a", "z", "é"]


def test_resumes_what_a_kill_left_behind(parent: Path) -> None:
    first = start(parent, "restarted")
    query(first, "CREATE TABLE kept AS SELECT 7 AS a")
    kill(first)
    second = start(parent, "restarted")
    assert query(second, "SELECT a FROM kept") == [(7,)]
    second.stop()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="only Linux tells which program has a pid")
def test_starts_although_the_old_pid_is_now_another_program_of_its_account(parent: Path) -> None:
    kill(start(parent, "restarted"))
    other = start_process(
        "other",
        ["sleep", "60"],
        env=server_environment(parent),
        cwd=parent,
        log_path=parent / "other.log",
        record_path=parent / "other.json",
        account=server_account(),
    )
    pid_file = parent / "restarted" / "data" / "postmaster.pid"
    _, _, rest = pid_file.read_text().partition("\n")
    pid_file.write_text(f"{other.record.pid}\n{rest}")
    server = start(parent, "restarted")
    assert other.exit_code() is None
    server.stop()
    other.stop()


def test_stops_at_once_although_a_client_is_connected(parent: Path) -> None:
    server = start(parent, "restarted")
    login = f"host={server.host} port={server.port} user={server.user} dbname=postgres"
    with psycopg.connect(login, password=server.password, autocommit=True):
        server.process.stop(grace_seconds=20)
    assert server.process.exit_code() == 0


def test_names_its_log_and_the_reason_when_it_does_not_start(parent: Path) -> None:
    start(parent, "restarted").stop()
    version_file = parent / "restarted" / "data" / "PG_VERSION"
    version = version_file.read_text()
    version_file.write_text("9.6\n")
    with pytest.raises(
        ServerError, match=r"PostgreSQL ended \(exit code 1\); its log \S+restarted.log ends with: .*9.6"
    ):
        start(parent, "restarted")
    version_file.write_text(version)
