"""Redshift's column types in PostgreSQL, and the checks PostgreSQL lacks: VARCHAR counts bytes, no NaN."""

import hashlib

from sqlglot import exp

from deploy.local.redshift.dialect import is_database_user
from deploy.local.redshift.errors import SqlNotSupported

EMULATION = "redshift_emulation"
MAX_VARCHAR_BYTES = 65535
DEFAULT_VARCHAR_BYTES = 256
MAX_DECIMAL_DIGITS = 38
_Type = exp.DataType.Type
_TEXT = {_Type.VARCHAR, _Type.NVARCHAR, _Type.TEXT}
_FIXED_TEXT = {_Type.CHAR, _Type.NCHAR, _Type.BPCHAR}
_SAME = {
    _Type.SMALLINT,
    _Type.INT,
    _Type.BIGINT,
    _Type.FLOAT,
    _Type.DOUBLE,
    _Type.BOOLEAN,
    _Type.DATE,
    _Type.TIMESTAMP,
    _Type.TIMESTAMPTZ,
    _Type.TIMESTAMPLTZ,
    _Type.TIME,
    _Type.TIMETZ,
    _Type.INTERVAL,
}


def postgres_type(kind: exp.DataType, default_varchar: int | None = None) -> exp.DataType:
    """Return the PostgreSQL type for a Redshift one; `default_varchar` is the length of a bare VARCHAR."""
    if kind.this in _TEXT:
        length = varchar_bytes(kind, default_varchar)
        return _sized(_Type.VARCHAR, *([] if length is None else [length]))
    if kind.this in _FIXED_TEXT:
        return _sized(_Type.CHAR, int(_first_parameter(kind) or 1))
    if kind.this == _Type.DECIMAL:
        return _decimal(kind)
    if kind.this == _Type.SUPER:
        return _sized(_Type.JSONB)
    if kind.this in _SAME:
        return kind.copy()
    raise SqlNotSupported(f"type {kind.sql(dialect='redshift')} isn't known to the stand-in")


def varchar_bytes(kind: exp.DataType, default: int | None) -> int | None:
    """Return the length in bytes of a VARCHAR, or `default` where none is written."""
    written = _first_parameter(kind)
    if written is None:
        return default
    length = MAX_VARCHAR_BYTES if written.upper() == "MAX" else int(written)
    if not 1 <= length <= MAX_VARCHAR_BYTES:
        raise SqlNotSupported(f"length for type varchar cannot exceed {MAX_VARCHAR_BYTES}", "22023")
    return length


def column_check(name: str, kind: exp.DataType) -> str | None:
    """Return the CHECK clause that makes a PostgreSQL column refuse what Redshift refuses, or None."""
    column = exp.to_identifier(name, quoted=True).sql(dialect="postgres")
    if kind.this in _TEXT:
        length = varchar_bytes(kind, DEFAULT_VARCHAR_BYTES)
        refused = f"{EMULATION}.value_too_long({length})"
        return f"CHECK (CASE WHEN OCTET_LENGTH({column}) > {length} THEN {refused} ELSE TRUE END)"
    if kind.this == _Type.DECIMAL:
        return f"CHECK (CASE WHEN {column} = 'NaN'::NUMERIC THEN {EMULATION}.refuse_nan() ELSE TRUE END)"
    return None


def check_name(column: str) -> str:
    """Return the name of a column's check; it must be found again when the column's type is changed."""
    return "bytes_" + hashlib.sha256(column.encode()).hexdigest()[:16]


def fold(identifier: exp.Identifier) -> exp.Identifier:
    """Lower a name's case in place, quoted or not, as Redshift does by default; return it."""
    name = str(identifier.this)
    if name.startswith("#"):
        identifier.set("quoted", True)
    if not (identifier.quoted and is_database_user(name)):
        identifier.set("this", name.lower())
    return identifier


def _decimal(kind: exp.DataType) -> exp.DataType:
    sizes = [int(parameter.name) for parameter in kind.expressions] or [18, 0]
    precision, scale = sizes[0], sizes[1] if len(sizes) > 1 else 0
    if not 1 <= precision <= MAX_DECIMAL_DIGITS or scale > precision:
        raise SqlNotSupported(f"numeric({precision},{scale}): Redshift holds up to 38 digits", "22023")
    return _sized(_Type.DECIMAL, precision, scale)


def _first_parameter(kind: exp.DataType) -> str | None:
    return kind.expressions[0].name if kind.expressions else None


def _sized(kind: exp.DType, *sizes: int) -> exp.DataType:
    parameters = [exp.DataTypeParam(this=exp.Literal.number(size)) for size in sizes]
    return exp.DataType(this=kind, expressions=parameters, nested=False)
