"""The columns of an unloaded query: their types in Arrow, and as a verbose manifest names them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import psycopg
import pyarrow as pa
from psycopg import sql
from psycopg.postgres import types as postgres_types

from deploy.local.redshift.errors import StatementFailed


@dataclass(frozen=True)
class Column:
    """One column: its name, Arrow's type, and the manifest's `type` element."""

    name: str
    arrow: pa.DataType
    manifest: dict[str, Any]


def describe(connection: psycopg.Connection, query: str) -> list[Column]:
    """Return the columns a PostgreSQL query gives, without running it."""
    with connection.cursor() as cursor:
        cursor.execute(sql.SQL("SELECT * FROM ({}) AS unloaded LIMIT 0").format(sql.SQL(query)))
        return [_column(description) for description in cursor.description or []]


def _column(description: psycopg.Column) -> Column:
    kind = postgres_types.get(description.type_code)
    maker = _MAKERS.get(kind.name if kind else "")
    if maker is None:
        name = kind.name if kind else f"type {description.type_code}"
        raise StatementFailed(f"UNLOAD of column {description.name}: the stand-in doesn't write {name}: cast it")
    arrow, manifest = maker(description)
    return Column(description.name, arrow, manifest)


_Made = tuple[pa.DataType, dict[str, Any]]


def _plain(arrow: pa.DataType, base: str) -> Callable[[psycopg.Column], _Made]:
    return lambda _: (arrow, {"base": base})


def _numeric(description: psycopg.Column) -> _Made:
    precision, scale = description.precision, description.scale
    if precision is None or scale is None:
        # Redshift derives a scale for every expression; PostgreSQL's numeric has none of its own.
        raise StatementFailed(
            f"UNLOAD of column {description.name}: the stand-in doesn't know its scale: cast it to DECIMAL(p, s)"
        )
    return pa.decimal128(precision, scale), {"base": "numeric", "precision": precision, "scale": scale}


def _varchar(description: psycopg.Column) -> _Made:
    return pa.string(), {"base": "character varying", "max_length": description.display_size or 65535}


def _char(description: psycopg.Column) -> _Made:
    return pa.string(), {"base": "character", "max_length": description.display_size or 1}


_MAKERS: dict[str, Callable[[psycopg.Column], _Made]] = {
    "int2": _plain(pa.int16(), "smallint"),
    "int4": _plain(pa.int32(), "integer"),
    "int8": _plain(pa.int64(), "bigint"),
    "float4": _plain(pa.float32(), "real"),
    "float8": _plain(pa.float64(), "double precision"),
    "bool": _plain(pa.bool_(), "boolean"),
    "date": _plain(pa.date32(), "date"),
    "timestamp": _plain(pa.timestamp("us"), "timestamp without time zone"),
    "numeric": _numeric,
    "varchar": _varchar,
    "text": _varchar,
    "bpchar": _char,
}
