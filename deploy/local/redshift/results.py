"""Result sets as the Data API gives them: typed fields, page by page, 100 MB at most."""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg.types.string import TextLoader

from deploy.local.redshift.errors import StatementFailed
from deploy.local.redshift.json_protocol import validation_error

MAX_RESULT_BYTES = 100 * 1000 * 1000
PAGE_ROWS = 1000
_AS_TEXT = ("numeric", "date", "timestamp", "timestamptz", "time", "timetz", "jsonb", "json", "interval", "oid", "name")
_TYPE_NAMES = {
    16: "bool",
    19: "name",
    20: "int8",
    21: "int2",
    23: "int4",
    25: "varchar",
    26: "oid",
    700: "float4",
    701: "float8",
    1042: "bpchar",
    1043: "varchar",
    1082: "date",
    1114: "timestamp",
    1184: "timestamptz",
    1700: "numeric",
    3802: "super",
}


@dataclass(frozen=True)
class ResultSet:
    """The rows of one statement and what is known about their columns; `size_bytes` is an estimate."""

    rows: list[tuple[Any, ...]]
    columns: list[dict[str, Any]]
    size_bytes: int

    def page(self, token: str | None) -> dict[str, Any]:
        """Return the page a token names (None: the first) as GetStatementResult answers it."""
        start = _offset(token, len(self.rows))
        rows = self.rows[start : start + PAGE_ROWS]
        answer: dict[str, Any] = {
            "Records": [[_field(value) for value in row] for row in rows],
            "ColumnMetadata": self.columns,
            "TotalNumRows": len(self.rows),
        }
        if start + PAGE_ROWS < len(self.rows):
            answer["NextToken"] = base64.b64encode(str(start + PAGE_ROWS).encode()).decode()
        return answer


def load_as_redshift_data(connection: psycopg.Connection) -> None:
    """Make a connection return as text what the Data API gives as text: decimals, dates, times."""
    for name in _AS_TEXT:
        connection.adapters.register_loader(name, TextLoader)


def fetch(cursor: psycopg.Cursor[tuple[Any, ...]]) -> ResultSet:
    """Return a cursor's rows; raise StatementFailed when they are more than the Data API carries."""
    rows = cursor.fetchall()
    size = sum(len(str(value).encode()) for row in rows for value in row if value is not None)
    if size > MAX_RESULT_BYTES:
        raise StatementFailed("Query result exceeded the size limit of 100 MB: use UNLOAD")
    return ResultSet(rows, [_metadata(column) for column in cursor.description or []], size)


def _metadata(column: psycopg.Column) -> dict[str, Any]:
    type_name = _TYPE_NAMES.get(column.type_code, "varchar")
    return {
        "name": column.name,
        "label": column.name,
        "typeName": type_name,
        "precision": column.precision or column.display_size or 0,
        "scale": column.scale or 0,
        "length": 0,
        "nullable": 1,
        "isCaseSensitive": type_name in ("varchar", "bpchar"),
        "isCurrency": False,
        "isSigned": type_name in ("int2", "int4", "int8", "float4", "float8", "numeric"),
        "schemaName": "",
        "tableName": "",
    }


def _field(value: Any) -> dict[str, Any]:
    match value:
        case None:
            return {"isNull": True}
        case bool():
            return {"booleanValue": value}
        case int():
            return {"longValue": value}
        case float():
            return {"doubleValue": value}
    return {"stringValue": str(value)}


def _offset(token: str | None, rows: int) -> int:
    if token is None:
        return 0
    try:
        offset = int(base64.b64decode(token, validate=True))
    except (ValueError, binascii.Error) as error:
        raise validation_error("Invalid NextToken.") from error
    if not 0 < offset < rows:
        raise validation_error("Invalid NextToken.")
    return offset
