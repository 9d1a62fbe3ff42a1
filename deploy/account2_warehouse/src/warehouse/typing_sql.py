"""SQL that turns the text of landing tables into typed rows, and says of every other row what is wrong with it.

Whole numbers are plain digits. Decimals may carry an exponent of at most two digits and are rounded half
away from zero to 10 places. Neither may be so large that a sum of them overflows: anybody can send an
event of any value, and one property's would then hold up every other's unload. Such a value is left empty and
told as a reject, `out_of_range`, while its row is kept: else that event would take a whole day's totals away.
Among rows of the same key the one with the smallest metrics stays, the others are `duplicate_key`.
"""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Iterable, Sequence
from typing import Final

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.keys import dimension_hash_sql
from dataflows.contracts.reports import Column, ReportTable
from warehouse.delivered_runs import LandedReport
from warehouse.statements import literal

_INTEGER: Final = "^-?[0-9]+$"
_PLAIN_DECIMAL: Final = "^-?[0-9]+([.][0-9]+)?$"
_SHORT_EXPONENT: Final = "^-?[0-9]+([.][0-9]+)?[eE][+-]?[0-9]{1,2}$"
_DECIMAL: Final = "^-?[0-9]+([.][0-9]+)?([eE][+-]?[0-9]+)?$"
# A week of the one fits BIGINT, a partition of the other DECIMAL(38,10).
_LARGEST: Final = {FieldType.INTEGER: 10**17, FieldType.DECIMAL: 10**20}
_OUT_OF_RANGE: Final = "out_of_range"
_PADDING: Final = 99  # the longest way an exponent moves the point
_SHOWN_CHARACTERS: Final = 300  # of each value of a rejected row: 21 of them fit VARCHAR(65535) in any script


def parsed_rows_statement(table: ReportTable, landed: Sequence[LandedReport]) -> str:
    """Return what creates the temporary table `parsed_rows`: every landed row as text and, where it can be, typed.

    It is kept, not nested in the next statement: databases flatten that, and convert each value several times.
    """
    return f"""CREATE TEMP TABLE parsed_rows AS
SELECT spread.*, {_parsed(table)} FROM (SELECT {_spread(table)} FROM (
{_landed(table, landed)}
) AS landed) AS spread"""


def typed_rows_statement(table: ReportTable) -> str:
    """Return what creates the temporary table `typed_rows` of `parsed_rows`: each with what is told of it.

    `refusal` says why a row is not kept; `reason` says so too, or which values of a kept one are left empty. It reads
    the temporary table `changed_days`, which holds the dates that the runs asked for.
    """
    dimensions = [column.name for column in table.dimensions]
    metrics = [f"{_held(column)} AS {column.name}" for column in table.metrics]
    refusal = "COALESCE(flaw, CASE WHEN copy > 1 THEN 'duplicate_key' END)"
    return f"""CREATE TEMP TABLE typed_rows AS
SELECT property_id, report_id, date, dimension_hash, {", ".join((*dimensions, *metrics))}, date_text,
  {refusal} AS refusal, COALESCE({refusal}, out_of_range) AS reason,
  CASE WHEN COALESCE({refusal}, out_of_range) IS NOT NULL THEN {_record(table)} END AS record
FROM (SELECT checked.*, ROW_NUMBER() OVER (PARTITION BY property_id, report_id, date, dimension_hash,
    CASE WHEN flaw IS NULL THEN 0 ELSE 1 END ORDER BY {", ".join(map(_held, table.metrics))}) AS copy
  FROM (SELECT parsed.*, {_flaw(table)} AS flaw, {_out_of_range(table)} AS out_of_range FROM parsed_rows AS parsed
    LEFT JOIN changed_days AS asked ON asked.property_id = parsed.property_id
      AND asked.report_id = parsed.report_id AND asked.date = parsed.date
  ) AS checked
) AS numbered"""


def refused_rows_condition(name: str) -> str:
    """Return the SQL condition that a row of `ga4_raw.rejects`, known by that name, stands for one that is not kept."""
    return f"{name}.reason NOT LIKE '{_OUT_OF_RANGE}%'"


def _landed(table: ReportTable, landed: Sequence[LandedReport]) -> str:
    return "\nUNION ALL ".join(_landed_report(table, report) for report in landed)


def _landed_report(table: ReportTable, report: LandedReport) -> str:
    columns = ", ".join(
        (
            f"CAST({literal(report.property_id)} AS VARCHAR(18)) AS property_id",
            f"CAST({literal(report.report)} AS VARCHAR(40)) AS report_id",
            f"{len(report.metrics)} AS metric_count",
            f"{dimension_hash_sql([column.name for column in report.dimensions])} AS dimension_hash",
            "date AS date_text",
            *_present(table.dimensions, report.dimensions, suffix=""),
            *_present(table.metrics, report.metrics, suffix="_text"),
        )
    )
    return f"SELECT {columns} FROM {report.landing_table}"


def _present(columns: Iterable[Column], present: Sequence[Column], suffix: str) -> Iterable[str]:
    """Name a table's text columns; slots that the report leaves empty are null."""
    for column in columns:
        value = column.name if column in present else "CAST(NULL AS VARCHAR(65535))"
        yield f"{value} AS {column.name}{suffix}"


def _parsed(table: ReportTable) -> str:
    day = "LEFT(date_text, 4) || '-' || SUBSTRING(date_text, 5, 2) || '-' || SUBSTRING(date_text, 7, 2)"
    parsed_day = f"TRY_CAST(CASE WHEN date_text ~ '^[0-9]{{8}}$' THEN {day} END AS DATE) AS date"
    return ", ".join((parsed_day, *(f"{_number(column)} AS {column.name}" for column in table.metrics)))


def _number(column: Column) -> str:
    text = f"{column.name}_text"
    if column.type is FieldType.INTEGER:
        return f"TRY_CAST(CASE WHEN {text} ~ '{_INTEGER}' THEN {text} END AS BIGINT)"
    digits, point = f"{column.name}_digits", f"{column.name}_point"
    moved = (
        f"CASE WHEN LEFT({text}, 1) = '-' THEN '-0' ELSE '0' END || LTRIM(LEFT({digits}, {point}), '0') "
        f"|| '.' || RTRIM(SUBSTRING({digits}, {point} + 1), '0') || '0'"
    )
    return f"TRY_CAST(CASE WHEN {text} ~ '{_PLAIN_DECIMAL}' THEN {text} ELSE {moved} END AS DECIMAL(38,10))"


def _spread(table: ReportTable) -> str:
    """Lay out the digits of decimals with an exponent, and say where the point goes among them.

    Redshift reads no exponent in a decimal, and a double would round.
    """
    decimals = (column.name for column in table.metrics if column.type is FieldType.DECIMAL)
    return ", ".join(("landed.*", *(part for name in decimals for part in _digits_and_point(name))))


def _digits_and_point(name: str) -> tuple[str, str]:
    mantissa, exponent = (f"SPLIT_PART(LOWER({name}_text), 'e', {part})" for part in (1, 2))
    unsigned = f"REPLACE({mantissa}, '-', '')"
    digits = f"REPEAT('0', {_PADDING}) || REPLACE({unsigned}, '.', '') || REPEAT('0', {_PADDING})"
    whole = f"{_PADDING} - 1 + STRPOS({unsigned} || '.', '.')"
    point = f"{whole} + TRY_CAST(REPLACE({exponent}, '+', '') AS INTEGER)"
    has_exponent = f"{name}_text ~ '{_SHORT_EXPONENT}'"
    return (
        f"CASE WHEN {has_exponent} THEN {digits} END AS {name}_digits",
        f"CASE WHEN {has_exponent} THEN {point} END AS {name}_point",
    )


def _flaw(table: ReportTable) -> str:
    day = "WHEN parsed.date IS NULL THEN 'bad_date' WHEN asked.date IS NULL THEN 'outside_window'"
    metrics = (_metric_flaw(slot, column) for slot, column in enumerate(table.metrics, start=1))
    return f"CASE {day} {' '.join(metrics)} END"


def _metric_flaw(slot: int, column: Column) -> str:
    text = f"{column.name}_text"
    is_integer = column.type is FieldType.INTEGER
    pattern, flaw = (_INTEGER, "not_an_integer") if is_integer else (_DECIMAL, "not_a_number")
    return f"WHEN metric_count >= {slot} AND ({text} IS NULL OR {text} !~ '{pattern}') THEN '{flaw}:{column.name}'"


def _out_of_range(table: ReportTable) -> str:
    """Name the metrics of a row without a flaw that are too large; null if none is."""
    named = (
        f"CASE WHEN metric_count >= {slot} AND {_held(column)} IS NULL THEN ':{column.name}' ELSE '' END"
        for slot, column in enumerate(table.metrics, start=1)
    )
    return f"NULLIF('{_OUT_OF_RANGE}' || {' || '.join(named)}, '{_OUT_OF_RANGE}')"


def _held(metric: Column) -> str:
    """Take a metric's value where it is in range; one that did not parse is null already."""
    largest = _LARGEST[metric.type]
    return f"CASE WHEN {metric.name} BETWEEN -{largest} AND {largest} THEN {metric.name} END"


def _record(table: ReportTable) -> str:
    names = {
        "date": "date_text",
        **{column.name: column.name for column in table.dimensions},
        **{column.name: f"{column.name}_text" for column in table.metrics},
    }
    return " || ' | ' || ".join(
        f"'{name}=' || COALESCE(LEFT({column}, {_SHOWN_CHARACTERS}), 'null')" for name, column in names.items()
    )
