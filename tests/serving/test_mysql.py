"""How the loader logs in to the database: over TLS, with a password or with a token of its role."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import boto3
import pymysql
import pytest
from django.db import connection as django_connection

from dataflows.contracts.errors import TransientError
from deploy.local.servers.certificates import ensure_certificates
from serving.config import Config, DatabaseAuth
from serving.mysql import connection

TOKEN_USER = "myapp_token"
LOGINS = 20  # a token names its second, and the next one may begin before it is used


@pytest.fixture
def token_config(config: Config) -> Iterator[Config]:
    """A user who must come over TLS; whose password is the token of the moment, as with RDS."""
    with django_connection.cursor() as cursor:
        cursor.execute(f"CREATE USER '{TOKEN_USER}'@'127.0.0.1' REQUIRE SSL")
        cursor.execute(f"GRANT SELECT ON report_partition TO '{TOKEN_USER}'@'127.0.0.1'")
    yield config.model_copy(update={"database_auth": DatabaseAuth.IAM, "database_user": TOKEN_USER})
    with django_connection.cursor() as cursor:
        cursor.execute(f"DROP USER '{TOKEN_USER}'@'127.0.0.1'")


def logged_in_as(config: Config) -> str:
    with connection(config) as session, session.cursor() as cursor:
        cursor.execute("SELECT CURRENT_USER()")
        return str((cursor.fetchone() or ("",))[0])


def accept_the_token_of_now(config: Config) -> None:
    token = boto3.client("rds").generate_db_auth_token(
        DBHostname=config.database_host, Port=config.database_port, DBUsername=config.database_user
    )
    with django_connection.cursor() as cursor:
        cursor.execute(f"ALTER USER '{TOKEN_USER}'@'127.0.0.1' IDENTIFIED BY %s", (token,))


def test_token_of_the_role_logs_in(token_config: Config) -> None:
    for _ in range(LOGINS):
        accept_the_token_of_now(token_config)
        with suppress(pymysql.err.OperationalError):
            assert logged_in_as(token_config) == f"{TOKEN_USER}@127.0.0.1"
            return
    pytest.fail("no token was accepted")


def test_token_that_is_not_accepted_is_no_passing_error(token_config: Config) -> None:
    with pytest.raises(pymysql.err.OperationalError, match="Access denied"):
        logged_in_as(token_config)


def test_session_is_encrypted_strict_and_reads_what_is_committed(config: Config) -> None:
    with connection(config) as session, session.cursor() as cursor:
        cursor.execute("SHOW STATUS LIKE 'Ssl_version'")
        assert str((cursor.fetchone() or ("", ""))[1]).startswith("TLS")
        cursor.execute("SELECT @@sql_mode LIKE '%STRICT_ALL_TABLES%', @@tx_isolation")
        assert cursor.fetchone() == (1, "READ-COMMITTED")


def test_certificate_of_another_authority_is_refused(config: Config, tmp_path: Path) -> None:
    other = ensure_certificates(tmp_path / "other").ca_path

    with pytest.raises(TransientError, match="certificate"):
        logged_in_as(config.model_copy(update={"database_ca_bundle": str(other)}))


def test_server_of_another_name_is_refused(config: Config) -> None:
    with pytest.raises(TransientError, match=r"127\.0\.0\.2"):
        logged_in_as(config.model_copy(update={"database_host": "127.0.0.2"}))
