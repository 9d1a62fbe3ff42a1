"""The connection to MySQL through RDS Proxy: TLS, an IAM token or a password, strict mode.

The multi-row statements of a load are longer than 16 KB, so the proxy pins the session to one
connection. That is accepted: the function's concurrency is capped below the proxy's budget.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import boto3
import pymysql
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from dataflows.contracts.errors import TransientError
from serving.config import Config, DatabaseAuth

_SQL_MODE: Final = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO"
_CONNECT_SECONDS: Final = 10
_STATEMENT_SECONDS: Final = 120
_PAGE_BYTES: Final = 32 * 2**20  # of stored rows read as one text; twice what the longest numbers come to

# MySQL error numbers after which the whole transaction may be tried again: an answer that broke off, locks, a server
# that stops or became a replica, a session that was ended from outside (MariaDB: 1927), a connection that was lost.
_TRANSIENT_ERRORS: Final = frozenset(
    {0, 1020, 1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1317, 1792, 1836, 1927}
    | {2003, 2006, 2013, 2055, 3169, 4031}
)


@contextmanager
def connection(config: Config) -> Iterator["Connection[Cursor]"]:
    """Open a session in strict mode at READ COMMITTED, and close it afterwards.

    Raises TransientError for whatever a later try may not meet again: a lost connection, a lock
    wait, a deadlock, a server that is read-only after a failover.
    """
    with transient_errors_named():
        session = _connect(config)
        session.query(f"SET SESSION group_concat_max_len = {_PAGE_BYTES}")
    try:
        yield session
    finally:
        if session.open:
            session.close()


@contextmanager
def transient_errors_named() -> Iterator[None]:
    """Turn the driver's passing errors into TransientError; others go through as they are."""
    try:
        yield
    except (pymysql.err.OperationalError, pymysql.err.InternalError, pymysql.err.InterfaceError) as error:
        number = error.args[0] if error.args else 0
        if number not in _TRANSIENT_ERRORS:
            raise
        raise TransientError(f"MySQL could not finish ({error}); the load is tried again.") from error


def _connect(config: Config) -> "Connection[Cursor]":
    return pymysql.connect(
        host=config.database_host,
        port=config.database_port,
        user=config.database_user,
        password=_password(config),
        database=config.database_name,
        charset="utf8mb4",
        sql_mode=_SQL_MODE,
        init_command="SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
        autocommit=False,
        connect_timeout=_CONNECT_SECONDS,
        read_timeout=_STATEMENT_SECONDS,
        write_timeout=_STATEMENT_SECONDS,
        ssl_ca=config.database_ca_bundle,
        ssl_verify_cert=True,
        ssl_verify_identity=True,
    )


def _password(config: Config) -> str:
    if config.database_auth is DatabaseAuth.IAM:
        return boto3.client("rds").generate_db_auth_token(
            DBHostname=config.database_host,
            Port=config.database_port,
            DBUsername=config.database_user,
        )
    answer = boto3.client("secretsmanager").get_secret_value(SecretId=config.database_secret_arn)
    secret: dict[str, Any] = json.loads(answer["SecretString"])
    return str(secret["password"])
