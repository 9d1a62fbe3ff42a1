import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pymysql
import pytest

from deploy.local.servers.certificates import ensure_certificates
from deploy.local.servers.errors import ServerError
from deploy.local.servers.mariadb import MariadbServer, start_mariadb


def start(parent: Path, name: str) -> MariadbServer:
    certificates = ensure_certificates(parent / "certificates")
    return start_mariadb(parent / name, certificates=certificates, log_path=parent / f"{name}.log")


@pytest.fixture(scope="module")
def server(parent: Path) -> Iterator[MariadbServer]:
    server = start(parent, "mariadb")
    yield server
    server.stop()


def query(server: MariadbServer, *statements: str, **options: Any) -> tuple[tuple[Any, ...], ...]:
    login = {"host": server.host, "port": server.port, "user": server.user, "password": server.password}
    connection = pymysql.connect(**{**login, "ssl_ca": str(server.ca_path), "ssl_verify_identity": True, **options})
    with connection, connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
        connection.commit()
        return tuple(cursor.fetchall())


def test_speaks_verified_tls(server: MariadbServer) -> None:
    assert query(server, "SHOW STATUS LIKE 'Ssl_version'") == (("Ssl_version", "TLSv1.3"),)


def test_shows_a_certificate_that_another_authority_does_not_vouch_for(server: MariadbServer, parent: Path) -> None:
    other = ensure_certificates(parent / "other-certificates")
    with pytest.raises(pymysql.err.OperationalError, match="CERTIFICATE_VERIFY_FAILED"):
        query(server, "SELECT 1", ssl_ca=str(other.ca_path))


@pytest.mark.parametrize("login", [{"password": "wrong"}, {"password": ""}, {"user": "root", "password": ""}])
def test_refuses_other_logins(server: MariadbServer, login: dict[str, str]) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        query(server, "SELECT 1", **login)


def test_has_the_settings_of_production(server: MariadbServer) -> None:
    settings = query(server, "SELECT @@tx_isolation, @@time_zone, @@character_set_server, @@bind_address")
    assert settings == (("READ-COMMITTED", "+00:00", "utf8mb4", "127.0.0.1"),)


def test_refuses_values_that_do_not_fit(server: MariadbServer) -> None:
    with pytest.raises(pymysql.err.DataError, match="Data too long"):
        query(server, "CREATE TEMPORARY TABLE t (a VARCHAR(1))", "INSERT t VALUES ('ab')", database=server.database)


def test_resumes_what_a_kill_left_behind(parent: Path) -> None:
    first = start(parent, "restarted")
    query(first, "CREATE TABLE kept (a INT)", "INSERT kept VALUES (7)", database=first.database)
    os.kill(first.process.record.pid, signal.SIGKILL)
    first.process.popen.wait()
    second = start(parent, "restarted")
    assert second.password == first.password
    assert query(second, "SELECT a FROM kept", database=second.database) == ((7,),)
    second.stop()


def test_stops_the_server_that_a_killed_run_left_running(parent: Path) -> None:
    first = start(parent, "restarted")
    second = start(parent, "restarted")
    assert first.process.exit_code() == 0
    assert query(second, "SELECT 1") == ((1,),)
    second.stop()


def test_several_can_be_made_at_the_same_time(server: MariadbServer, parent: Path) -> None:
    with ThreadPoolExecutor() as pool:  # one that makes its data must not delete another's temporary tables
        servers = list(pool.map(lambda number: start(parent, f"one-of-many-{number}"), range(4)))
    for server in servers:
        server.stop()


def test_names_a_taken_port(server: MariadbServer, parent: Path) -> None:
    certificates = ensure_certificates(parent / "certificates")
    with pytest.raises(ServerError, match=f"MariaDB cannot start: port {server.port} of 127.0.0.1 is taken"):
        start_mariadb(parent / "second", certificates=certificates, log_path=parent / "second.log", port=server.port)
