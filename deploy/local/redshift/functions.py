"""What each Redshift function is in PostgreSQL: the same, another name, or one of `functions.sql`."""

from collections.abc import Callable

from sqlglot import exp

from deploy.local.redshift.column_types import EMULATION
from deploy.local.redshift.errors import SqlNotSupported

_Type = exp.DataType.Type


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


SAME = _names(
    """
    ABS CEIL CEILING FLOOR SIGN SQRT EXP LN LOG POWER MOD GREATEST LEAST COALESCE NULLIF RANDOM PI
    COUNT SUM MIN MAX STDDEV STDDEV_SAMP STDDEV_POP VARIANCE VAR_SAMP VAR_POP BOOL_AND BOOL_OR
    PERCENTILE_CONT PERCENTILE_DISC ROW_NUMBER RANK DENSE_RANK PERCENT_RANK CUME_DIST NTILE LAG LEAD
    FIRST_VALUE LAST_VALUE NTH_VALUE GROUPING
    LOWER UPPER LENGTH OCTET_LENGTH CHAR_LENGTH CHARACTER_LENGTH REPLACE SPLIT_PART LEFT RIGHT LPAD RPAD
    LTRIM RTRIM BTRIM REVERSE REPEAT TRANSLATE STRPOS SUBSTR INITCAP ASCII CHR CONCAT QUOTE_IDENT
    QUOTE_LITERAL MD5 TO_CHAR TO_DATE TO_TIMESTAMP TO_NUMBER
    HAS_SCHEMA_PRIVILEGE HAS_TABLE_PRIVILEGE HAS_DATABASE_PRIVILEGE PG_BACKEND_PID CURRENT_SCHEMA
    CURRENT_SCHEMAS CURRENT_DATABASE CURRENT_SETTING VERSION FORMAT_TYPE PG_GET_USERBYID
    """
)
RENAMED = {
    "NVL": "COALESCE",
    "LEN": "LENGTH",
    "TEXTLEN": "LENGTH",
    "DEXP": "EXP",
    "DLOG1": "LN",
    "DLOG10": "LOG",
    "POW": "POWER",
    "ANY_VALUE": "MAX",
    "REPLICATE": "REPEAT",
}
EMULATED = _names(
    """
    LAST_DAY ADD_MONTHS MONTHS_BETWEEN REGEXP_COUNT REGEXP_SUBSTR REGEXP_INSTR REGEXP_REPLACE GETDATE
    SYSDATE TRUNC ROUND STRTOL JSON_PARSE IS_VALID_JSON JSON_EXTRACT_PATH_TEXT CHARINDEX
    """
)
LEADER_ONLY = _names(
    """
    NOW STRING_AGG ARRAY_AGG GENERATE_SERIES CLOCK_TIMESTAMP STATEMENT_TIMESTAMP AGE JSON_AGG TO_JSON
    """
)


def emulated(name: str, *arguments: exp.Expr) -> exp.Expr:
    """Return a call of a function of `functions.sql`; the arguments move into it, out of where they were."""
    call = exp.Anonymous(this=name.lower(), expressions=list(arguments))
    return exp.Dot(this=exp.to_identifier(EMULATION), expression=call)


def translate_function(call: exp.Anonymous) -> exp.Expr:
    """Return PostgreSQL's form of a call; raise SqlNotSupported for a function the stand-in doesn't know."""
    name = call.name.upper()
    if name in SAME or (name in _WINDOWED and isinstance(call.parent, exp.Window) and call.arg_key == "this"):
        return call
    if name in RENAMED:
        return exp.Anonymous(this=RENAMED[name], expressions=call.expressions)
    if name in EMULATED:
        return emulated(name, *call.expressions)
    if name in _SPECIAL:
        return _SPECIAL[name](call)
    if name in LEADER_ONLY:
        raise SqlNotSupported(f"{name} runs on Redshift's leader node only, not on tables: use another function")
    raise SqlNotSupported(f"function {name} isn't known to the stand-in")


def translate_window(window: exp.Window) -> exp.Expr:
    """Return PostgreSQL's form of a window call whose function needs its window to be translated."""
    call = window.this
    name = call.name.upper() if isinstance(call, exp.Anonymous) else ""
    if name == "AVG":
        return emulated("avg_as", _over(window, "AVG"), _over(window, "MAX"))
    if name == "RATIO_TO_REPORT":
        value, total = call.expressions[0], _over(window, "SUM")
        return emulated("ratio", exp.cast(value, _Type.DOUBLE), exp.cast(total, _Type.DOUBLE))
    if isinstance(call, exp.Anonymous) and name == "STRING_AGG":
        raise SqlNotSupported("LISTAGG as a window function isn't supported by the stand-in: aggregate in a subquery")
    return window


def translate_within_group(group: exp.WithinGroup) -> exp.Expr:
    """Return LISTAGG … WITHIN GROUP (ORDER BY …) as an ordered STRING_AGG."""
    call = group.this
    if not (isinstance(call, exp.Anonymous) and call.name.upper() == "STRING_AGG"):
        return group
    value, separator = call.expressions
    order = group.expression.copy()
    order.set("this", separator.copy())
    return exp.Anonymous(this="STRING_AGG", expressions=[value.copy(), order])


def _over(window: exp.Window, name: str) -> exp.Expr:
    copy = window.copy()
    copy.this.set("this", name)
    return copy


def _unit(argument: exp.Expr) -> exp.Expr:
    return exp.Literal.string(argument.name.lower())


def _timestamp(value: exp.Expr) -> exp.Expr:
    return exp.cast(value, _Type.TIMESTAMP, copy=False)


def _datediff(call: exp.Anonymous) -> exp.Expr:
    unit, start, end = call.expressions
    return emulated("datediff", _unit(unit), _timestamp(start), _timestamp(end))


def _dateadd(call: exp.Anonymous) -> exp.Expr:
    unit, amount, start = call.expressions
    return emulated("dateadd", _unit(unit), exp.cast(amount, _Type.INT), _timestamp(start))


def _date_part(call: exp.Anonymous) -> exp.Expr:
    unit, value = call.expressions
    return exp.Anonymous(this="DATE_PART", expressions=[_unit(unit), _timestamp(value)])


def _date_trunc(call: exp.Anonymous) -> exp.Expr:
    unit, value = call.expressions
    return exp.Anonymous(this="DATE_TRUNC", expressions=[_unit(unit), _timestamp(value)])


def _isnull(call: exp.Anonymous) -> exp.Expr:
    return exp.Anonymous(this="COALESCE", expressions=call.expressions)


def _nvl2(call: exp.Anonymous) -> exp.Expr:
    value, present, absent = call.expressions
    return exp.case().when(value.is_(exp.null()).not_(), present).else_(absent)


def _avg(call: exp.Anonymous) -> exp.Expr:
    largest = exp.Anonymous(this="MAX", expressions=[argument.copy() for argument in call.expressions])
    return emulated("avg_as", call.copy(), largest)


def _median(call: exp.Anonymous) -> exp.Expr:
    half = exp.Anonymous(this="PERCENTILE_CONT", expressions=[exp.Literal.number("0.5")])
    order = exp.Order(expressions=[exp.Ordered(this=call.expressions[0].copy())])
    return exp.WithinGroup(this=half, expression=order)


def _listagg(call: exp.Anonymous) -> exp.Expr:
    value, *separator = call.expressions
    if isinstance(value, exp.Distinct):
        first, *separator = value.expressions
        value = exp.Distinct(expressions=[exp.cast(first, _Type.TEXT)])
    else:
        value = exp.cast(value, _Type.TEXT)
    return exp.Anonymous(this="STRING_AGG", expressions=[value, *(separator or [exp.Literal.string("")])])


def _sha2(call: exp.Anonymous) -> exp.Expr:
    """Spell out SHA2 where its length is written: as a function it takes longer than the digest itself."""
    value, bits = call.expressions
    if not bits.is_int or bits.name not in _DIGESTS:
        return emulated("SHA2", value, bits)
    text = exp.cast(value, _Type.TEXT, copy=False)
    encoded = exp.Anonymous(this="CONVERT_TO", expressions=[text, exp.Literal.string("UTF8")])
    digest = exp.Anonymous(this=_DIGESTS[bits.name], expressions=[encoded])
    hexadecimal = exp.Anonymous(this="ENCODE", expressions=[digest, exp.Literal.string("hex")])
    return exp.cast(hexadecimal, _Type.VARCHAR, copy=False)


def _convert_timezone(call: exp.Anonymous) -> exp.Expr:
    *source, target, value = call.expressions
    return emulated("convert_timezone", source[0] if source else exp.Literal.string("UTC"), target, _timestamp(value))


def _refuse_set_config(_call: exp.Anonymous) -> exp.Expr:
    raise SqlNotSupported("SET_CONFIG isn't supported by the stand-in: use SET", "42501")


_DIGESTS = {"0": "SHA256", "224": "SHA224", "256": "SHA256", "384": "SHA384", "512": "SHA512"}
_WINDOWED = {"AVG", "RATIO_TO_REPORT"}
_SPECIAL: dict[str, Callable[[exp.Anonymous], exp.Expr]] = {
    "DATEDIFF": _datediff,
    "DATE_DIFF": _datediff,
    "DATEADD": _dateadd,
    "DATE_ADD": _dateadd,
    "DATE_PART": _date_part,
    "DATE_TRUNC": _date_trunc,
    "ISNULL": _isnull,
    "NVL2": _nvl2,
    "AVG": _avg,
    "MEDIAN": _median,
    "LISTAGG": _listagg,
    "SHA2": _sha2,
    "CONVERT_TIMEZONE": _convert_timezone,
    "SET_CONFIG": _refuse_set_config,
}
