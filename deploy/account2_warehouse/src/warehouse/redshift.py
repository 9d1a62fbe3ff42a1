"""DDL on Redshift as the user that owns the tables: through redshift_connector, logged in by IAM role."""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from redshift_connector import connect
from redshift_connector.core import Connection
from redshift_connector.error import Error, InterfaceError, OperationalError

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.tables import WarehouseTable
from warehouse.errors import SAVE_AGAIN, aws_errors
from warehouse.location import WarehouseLocation
from warehouse.statements import literal

_ATTEMPTS: Final = 6
_FIRST_PAUSE_SECONDS: Final = 0.2

# IF NOT EXISTS doesn't hold against another session's DDL: Redshift says 1023, or that its catalog has it already.
_CATALOG_CONFLICT: Final = re.compile(
    r"\b1023\b|serializ|deadlock|concurrently (?:updated|deleted)|duplicate key.*\bpg_|already exists"
    r"|could not open relation",
    re.IGNORECASE | re.DOTALL,
)
_NO_USER: Final = re.compile(r"(?:user|role) \"[^\"]*\" does not exist", re.IGNORECASE)

_CATALOG_TYPES: Final = {
    "VARCHAR": "character varying",
    "CHAR": "character",
    "DECIMAL": "numeric",
    "TIMESTAMP": "timestamp without time zone",
}


class WarehouseAddress(WarehouseLocation):
    """Where the warehouse is, and where it is reached: what its secret says."""

    host: str
    port: int


@contextmanager
def connected(address: WarehouseAddress, session: boto3.Session) -> Iterator[Connection]:
    """Give a connection as the database user of the session's role; each statement commits by itself.

    Raises TransientError when the warehouse can't be reached, TerminalError when it refuses the role.
    """
    with _connection_errors(address):
        connection = connect(
            iam=True,
            **address.login_target,
            database=address.database,
            host=address.host,
            port=address.port,
            region=session.region_name,
            **_credentials(session),
            iam_disable_cache=True,
            ssl=True,
            sslmode="verify-full",
        )
    try:
        connection.autocommit = True
        yield connection
    finally:
        connection.close()


def run_ddl(connection: Connection, statements: Iterable[str]) -> None:
    """Run statements that may each run again, one transaction each.

    Raises TransientError when other DDL kept getting in the way, TerminalError when a statement is refused.
    """
    with connection.cursor() as cursor:
        for statement in statements:
            _run_one(cursor, statement)


def check_columns(connection: Connection, tables: Sequence[WarehouseTable]) -> None:
    """Compare the tables with the catalog. Raises TerminalError `table_differs` that names what does."""
    found = _catalog_columns(connection, tables)
    for table in tables:
        wanted = [(name, _catalog_type(sql_type)) for name, sql_type in table.columns]
        if (there := found.get(table.qualified_name, [])) != wanted:
            raise TerminalError(_difference(table, wanted, there), reason="table_differs")


def _run_one(cursor: Any, statement: str) -> None:
    for attempt in range(_ATTEMPTS):
        try:
            cursor.execute(statement)
        except (InterfaceError, OperationalError, OSError) as error:
            raise TransientError(f"The connection to the warehouse was lost at: {statement[:200]}: {error}") from error
        except Error as error:
            if not _CATALOG_CONFLICT.search(str(error)):
                raise _refused(statement, error) from error
            time.sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        else:
            return
    raise TransientError(f"Other changes of the warehouse's tables kept getting in the way of: {statement[:200]}")


def _refused(statement: str, error: Error) -> TerminalError:
    detail = error.args[0].get("M") if error.args and isinstance(error.args[0], dict) else str(error)
    remedy = "Run bootstrap.sql" if _NO_USER.search(str(error)) else "Look at the warehouse's tables and grants"
    return TerminalError(
        f"Redshift refused {statement[:200]!r}: {detail}. {remedy}, then {SAVE_AGAIN}.", reason="ddl_refused"
    )


def _catalog_columns(connection: Connection, tables: Sequence[WarehouseTable]) -> dict[str, list[tuple[str, str]]]:
    schemas = ", ".join(sorted({literal(table.schema) for table in tables}))
    names = ", ".join(sorted({literal(table.name) for table in tables}))
    found: dict[str, list[tuple[str, str]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema, table_name, column_name, data_type, character_maximum_length, numeric_precision, "  # noqa: S608
            f"numeric_scale FROM svv_columns WHERE table_schema IN ({schemas}) AND table_name IN ({names}) "
            "ORDER BY ordinal_position"
        )
        for schema, table, column, kind, length, precision, scale in cursor.fetchall():
            found.setdefault(f"{schema}.{table}", []).append((column, _described(kind, length, precision, scale)))
    return found


def _described(kind: str, length: int | None, precision: int | None, scale: int | None) -> str:
    if kind in ("character varying", "character"):
        return f"{kind}({length})"
    return f"{kind}({precision},{scale})" if kind == "numeric" else kind


def _catalog_type(sql_type: str) -> str:
    name, bracket, sizes = sql_type.partition("(")
    return _CATALOG_TYPES.get(name, name.lower()) + bracket + sizes


def _difference(table: WarehouseTable, wanted: list[tuple[str, str]], there: list[tuple[str, str]]) -> str:
    missing = [f"{name} {kind}" for name, kind in wanted if (name, kind) not in there]
    extra = [f"{name} {kind}" for name, kind in there if (name, kind) not in wanted]
    return (
        f"The table {table.qualified_name} is not as it should be: missing {', '.join(missing) or 'nothing'}; "
        f"not expected {', '.join(extra) or 'nothing'}; or in another order. Change the table, or give a custom "
        f"report another name; then {SAVE_AGAIN}."
    )


def _credentials(session: boto3.Session) -> dict[str, Any]:
    credentials = session.get_credentials()
    if credentials is None:
        raise ValueError("the session has no credentials")
    frozen = credentials.get_frozen_credentials()
    return {
        "access_key_id": frozen.access_key,
        "secret_access_key": frozen.secret_key,
        "session_token": frozen.token,
    }


@contextmanager
def _connection_errors(address: WarehouseAddress) -> Iterator[None]:
    with aws_errors(f"log in to {address}"):
        try:
            yield
        except (ClientError, BotoCoreError):
            raise
        except (Error, OSError) as error:
            raise TransientError(
                f"Could not connect to the warehouse at {address.host}:{address.port}: {error}"
            ) from error
