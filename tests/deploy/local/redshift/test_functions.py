"""Redshift's functions give Redshift's answers on PostgreSQL."""

# ruff: noqa: S608, DTZ001 - the SQL is the test's own; Redshift's timestamps have no zone.

from datetime import date, datetime
from decimal import Decimal
from typing import Any

import psycopg
import pytest

from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.translate import translate

TABLE = "(SELECT 1 AS g, 1 AS i, 1.50::DECIMAL(10,2) AS d, 'b' AS t UNION ALL SELECT 1, 2, 2.00, 'a') x"


def value(connection: psycopg.Connection, expression: str, source: str = "") -> Any:
    sql = f"SELECT {expression}" + (f" FROM {source}" if source else "")
    row = connection.execute(translate(sql).sql.encode()).fetchone()
    assert row is not None
    return row[0]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("DATEDIFF(year, '2023-12-31', '2024-01-01')", 1),
        ("DATEDIFF(day, '2024-01-01 23:59:59', '2024-01-02 00:00:00')", 1),
        ("DATEDIFF(hour, '2024-01-01 10:59:00', '2024-01-01 11:00:00')", 1),
        ("DATEDIFF(week, '2024-01-06', '2024-01-07')", 1),  # a week begins on Sunday
        ("DATEDIFF(week, '2024-01-07', '2024-01-08')", 0),
        ("DATEDIFF('mon', '2024-01-31', '2024-02-01')", 1),
        ("DATEDIFF(qtr, '2024-03-31', '2024-04-01')", 1),
        ("DATEADD(day, -7, '2024-01-03'::date)", datetime(2023, 12, 27)),
        ("DATEADD(month, 1, '2024-01-31'::date)", datetime(2024, 2, 29)),
        ("DATE_TRUNC('week', '2024-01-03'::date)", datetime(2024, 1, 1)),
        ("LAST_DAY('2024-02-03'::date)", date(2024, 2, 29)),
        ("ADD_MONTHS('2024-02-29'::date, 1)", datetime(2024, 3, 31)),
        ("TRUNC('2024-02-03 11:00:00'::timestamp)", date(2024, 2, 3)),
        ("TO_DATE('20240203', 'YYYYMMDD')", date(2024, 2, 3)),
        ("EXTRACT(year FROM '2024-02-03'::date)", 2024),
        ("CONVERT_TIMEZONE('Asia/Singapore', '2024-01-01 20:00:00'::timestamp)", datetime(2024, 1, 2, 4)),
        ("NVL(NULL, 'x')", "x"),
        ("NVL2(NULL, 'x', 'y')", "y"),
        ("ISNULL(NULL, 3)", 3),
        ("DECODE(NULL, 1, 'x', NULL, 'y')", "y"),
        ("LEN('é€😀')", 3),
        ("OCTET_LENGTH('é€😀')", 9),
        ("CAST('é€😀' AS VARCHAR(5))", "é€"),  # bytes, never half a character
        ("'abcdef'::VARCHAR(3)", "abc"),
        ("SHA2('abc', 256)", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ("REGEXP_COUNT('abcabc', 'b')", 2),
        ("REGEXP_SUBSTR('abc', 'x')", ""),
        ("REGEXP_INSTR('abc', 'c')", 3),
        ("REGEXP_REPLACE('a-b-c', '(-)', '$1+')", "a-+b-+c"),
        ("'2024' ~ '^[0-9]+$'", True),
        ("CHARINDEX('b', 'abc')", 2),
        ("STRTOL('ff', 16)", 255),
        ("SPLIT_PART('a/b', '/', 2)", "b"),
        ("7 / 2", 3),
        ("ROUND(2.345::FLOAT8, 2)", 2.35),
        ("'a\\\\.b'", "a\\.b"),  # a backslash escapes in Redshift's texts
    ],
)
def test_function_answers_as_redshift_does(connection: psycopg.Connection, expression: str, expected: Any) -> None:
    assert value(connection, expression) == expected


@pytest.mark.parametrize(
    ("text", "kind", "expected"),
    [
        ("12", "BIGINT", 12),
        ("9223372036854775808", "BIGINT", None),
        ("1.5", "INT", None),
        ("-5", "SMALLINT", -5),
        ("1.123456789012", "DECIMAL(38,10)", Decimal("1.1234567890")),
        ("1e3", "DECIMAL(10,2)", None),  # Redshift reads no exponent in a decimal
        ("123456789", "DECIMAL(10,2)", None),
        ("NaN", "DECIMAL(10,2)", None),
        ("Infinity", "DECIMAL(10,2)", None),
        ("(other)", "DECIMAL(10,2)", None),
        ("2024-02-29", "DATE", date(2024, 2, 29)),
        ("20240229", "DATE", date(2024, 2, 29)),
        ("2023-02-29", "DATE", None),
        ("20241301", "DATE", None),
        ("", "DATE", None),
        ("2024-01-01 10:00:00", "TIMESTAMP", datetime(2024, 1, 1, 10)),
        ("x", "FLOAT8", None),
    ],
)
def test_try_cast_gives_null_for_what_does_not_fit(
    connection: psycopg.Connection, text: str, kind: str, expected: Any
) -> None:
    assert value(connection, f"TRY_CAST('{text}' AS {kind})") == expected


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("AVG(i)", 1),  # the average of integers is an integer
        ("AVG(d)", Decimal("1.75")),
        ("AVG(i::FLOAT8)", 1.5),
        ("LISTAGG(t, ',') WITHIN GROUP (ORDER BY t)", "a,b"),
        ("LISTAGG(i) WITHIN GROUP (ORDER BY i DESC)", "21"),
        ("LISTAGG(DISTINCT g, ',')", "1"),
        ("MEDIAN(i)", 1.5),
        ("COUNT(DISTINCT g)", 1),
        ("ANY_VALUE(g)", 1),
    ],
)
def test_aggregate_answers_as_redshift_does(connection: psycopg.Connection, expression: str, expected: Any) -> None:
    assert value(connection, expression, TABLE) == expected


def test_window_functions_keep_their_window(connection: psycopg.Connection) -> None:
    sql = (
        "SELECT i, AVG(i) OVER (ORDER BY i ROWS BETWEEN 1 PRECEDING AND CURRENT ROW), "
        f"RATIO_TO_REPORT(i) OVER (PARTITION BY g), LAG(i) OVER (ORDER BY i) FROM {TABLE} ORDER BY i"
    )
    rows = connection.execute(translate(sql).sql.encode()).fetchall()
    assert [(row[0], row[1], round(row[2], 4), row[3]) for row in rows] == [(1, 1, 0.3333, None), (2, 1, 0.6667, 1)]


def test_qualify_keeps_the_rows_its_condition_admits(connection: psycopg.Connection) -> None:
    sql = f"SELECT i, t FROM {TABLE} QUALIFY ROW_NUMBER() OVER (PARTITION BY g ORDER BY i DESC) = 1"
    assert connection.execute(translate(sql).sql.encode()).fetchall() == [(2, "a")]


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        ("NOW()", "leader node"),
        ("CURRENT_TIMESTAMP", "leader node"),
        ("STRING_AGG('a', 'b')", "leader node"),
        ("NO_SUCH_FUNCTION(1)", "isn't known to the stand-in"),
        ("SET_CONFIG('role', 'x', false)", "use SET"),
        ("SUM(1) FILTER (WHERE true)", "doesn't support FILTER"),
        ("DISTINCT ON (1) 2", "DISTINCT ON"),
        ("ARRAY[1]", "ARRAY"),
        ("1 IS NOT DISTINCT FROM 1", "DISTINCT FROM"),
        ("CAST(1 AS DECIMAL(40,2))", "38 digits"),
        ("CAST('x' AS UUID)", "isn't known"),
    ],
)
def test_what_redshift_lacks_is_refused(expression: str, reason: str) -> None:
    with pytest.raises(SqlNotSupported, match=reason):
        translate(f"SELECT {expression}")
