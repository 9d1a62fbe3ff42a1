"""The statements of a refresh: one transaction from landing tables to new generations of partitions.

They share temporary tables: `changed_days`, the partitions that are replaced with the ids of the run whose
window holds each (null where none does), and what `typing_sql` makes.
"""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Sequence
from datetime import datetime, timedelta
from importlib.resources import files
from typing import Final

from dataflows.contracts import tables
from dataflows.contracts.naming import COMBINED_SCHEMA, OPS_SCHEMA, RAW_SCHEMA
from dataflows.contracts.reports import REPORT_TABLES, Column, ReportTable
from warehouse import ops
from warehouse.delivered_runs import LandedReport
from warehouse.runs import Run
from warehouse.statements import literal
from warehouse.typing_sql import parsed_rows_statement, typed_rows_statement

MAX_REPORTS_PER_BATCH: Final = 24  # each needs a DELETE of its own; the others share theirs
_LONGEST_WINDOW_DAYS: Final = 1000
_COMMIT_DELAY: Final = timedelta(days=3)  # from the moment that a refresh stamps on what it changes
_DAY: Final = ("property_id", "report_id", "date")
_TRACE: Final = ("data_flow_id", "correlation_id")


def consume_statements(table: ReportTable, landed: Sequence[LandedReport], at: datetime) -> list[str]:
    """Return what consumes the landed runs; it fails as a whole unless each landing table holds what was delivered.

    The first statement is that check. `at` is stamped on all that changes. At most MAX_REPORTS_PER_BATCH.
    """
    return [
        _check(landed),
        _changed_days(landed),
        parsed_rows_statement(table, landed),
        typed_rows_statement(table),
        _delete_changed(RAW_SCHEMA, table),
        _insert_raw(table),
        _delete_rejects(),
        _insert_rejects(at),
        *(f"DELETE FROM {report.landing_table}" for report in landed),
        *_recompute_days_after(table),
        *recompute_statements(table, at),
        ops.update(tables.RUNS, {"consumed_at": at}, {"run_id": _run_ids(landed)}),
        "DROP TABLE parsed_rows, typed_rows, changed_days",
    ]


def recompute_statements(table: ReportTable, at: datetime) -> list[str]:
    """Return what computes the combined rows of `changed_days` anew and gives each partition its next generation."""
    return [
        _delete_changed(COMBINED_SCHEMA, table),
        combined_statement(table),
        _insert_partitions(table),
        _advance_partitions(table, at),
    ]


def combined_statement(table: ReportTable) -> str:
    """Return the hand-written SQL that fills a combined table for `changed_days`."""
    return files("warehouse").joinpath("sql", f"combined_{table.name}.sql").read_text(encoding="utf-8")


def dependents_of(table: ReportTable) -> list[ReportTable]:
    """Return the tables whose combined rows are computed from this one's too."""
    return [other for other in REPORT_TABLES.values() if table.name in other.depends_on]


def stale_days_query(table: ReportTable, at: datetime) -> str:
    """Return the SELECT of partitions whose `day_…` columns differ from the table they are taken from.

    It looks where that table was refreshed since this one last was, or the moment `at`, whichever is earlier,
    and some days before: so each refresh of this table must begin with it. It compares values instead of
    marks: refreshes of two tables may commit in any order, and each would miss the other's mark.
    """
    (source,) = table.depends_on
    differs = " OR ".join(_differs(column.name, column.name.removeprefix("day_")) for column in table.computed)
    return f"""SELECT DISTINCT stored.property_id, {literal(table.name)} AS report_id, stored.date,
  {", ".join(f"CAST(NULL AS VARCHAR(36)) AS {name}" for name in _TRACE)}
FROM {COMBINED_SCHEMA}.{table.name} AS stored
JOIN {OPS_SCHEMA}.partitions AS refreshed ON refreshed.report_table = {literal(source)}
  AND refreshed.property_id = stored.property_id AND refreshed.date = stored.date
LEFT JOIN {RAW_SCHEMA}.{source} AS day ON day.property_id = stored.property_id AND day.date = stored.date
WHERE ({differs}) AND (refreshed.refreshed_at > {literal(at - _COMMIT_DELAY)}
  OR refreshed.refreshed_at > (SELECT DATEADD(day, -{_COMMIT_DELAY.days}, MAX(own.refreshed_at))
    FROM {OPS_SCHEMA}.partitions AS own WHERE own.report_table = {literal(table.name)}))"""


def repair_statements(table: ReportTable, at: datetime) -> list[str]:
    """Return what recomputes the stale partitions of a table that depends on another."""
    return [
        f"CREATE TEMP TABLE changed_days AS {stale_days_query(table, at)}",
        *recompute_statements(table, at),
        "DROP TABLE changed_days",
    ]


def metric_sum(column: Column) -> str:
    """Return the SQL of a metric's exact sum over the rows of `stored`."""
    return f"CAST(COALESCE(SUM(stored.{column.name}), 0) AS DECIMAL(38,10))"


def metric_sums(table: ReportTable) -> str:
    """Return the SQL of all metrics' sums over the rows of `stored` as one text: equal sums are equal texts."""
    return " || '|' || ".join(f"CAST({metric_sum(column)} AS VARCHAR(60))" for column in table.metrics)


def unconsumed_check(landed: Sequence[LandedReport]) -> str:
    """Return the SQL condition that nobody else has consumed these runs."""
    run_ids = _run_ids(landed)
    runs = f"SELECT COUNT(*) FROM {OPS_SCHEMA}.runs WHERE consumed_at IS NULL AND run_id IN ({_listed(run_ids)})"
    return f"({runs}) = {len(run_ids)}"


def failing_unless(condition: str, message: str) -> str:
    """Return a statement that fails, with `message` in its error, unless the condition holds."""
    return f"SELECT CAST(CASE WHEN {condition} THEN '1' ELSE {literal(message)} END AS INTEGER) AS checked"


def _run_ids(landed: Sequence[LandedReport]) -> list[str]:
    return [run.run_id for report in landed for run in report.runs]


def _listed(run_ids: Sequence[str]) -> str:
    return ", ".join(map(literal, run_ids))


def _check(landed: Sequence[LandedReport]) -> str:
    counts = [f"(SELECT COUNT(*) FROM {report.landing_table}) = {report.rows_delivered}" for report in landed]
    return failing_unless(" AND ".join((unconsumed_check(landed), *counts)), "the landing tables have changed")


def _changed_days(landed: Sequence[LandedReport]) -> str:
    _check_windows([run for report in landed for run in report.runs])
    digits = " UNION ALL ".join(("SELECT 0 AS digit", *(f"SELECT {digit}" for digit in range(1, 10))))
    # One row a day: no two of the windows overlap, see LandedReport.ambiguity.
    return f"""CREATE TEMP TABLE changed_days AS
SELECT asked.property_id, asked.report AS report_id, asked.start_date + days.n AS date,
  {", ".join(f"asked.{name}" for name in _TRACE)}
FROM {OPS_SCHEMA}.runs AS asked
CROSS JOIN (SELECT ones.digit + 10 * tens.digit + 100 * hundreds.digit AS n FROM ({digits}) AS ones
  CROSS JOIN ({digits}) AS tens CROSS JOIN ({digits}) AS hundreds) AS days
WHERE asked.run_id IN ({_listed(_run_ids(landed))}) AND asked.start_date + days.n <= asked.end_date"""


def _check_windows(runs: Sequence[Run]) -> None:
    for run in runs:
        if (run.end_date - run.start_date).days >= _LONGEST_WINDOW_DAYS:
            raise ValueError(f"run {run.run_id} has a window of more than {_LONGEST_WINDOW_DAYS} days")


def _same_day(table: ReportTable, name: str) -> str:
    return " AND ".join(f"{name}.{column} = changed.{column}" for column in table.partition_columns)


def _delete_changed(schema: str, table: ReportTable) -> str:
    return f"DELETE FROM {schema}.{table.name} USING changed_days AS changed WHERE {_same_day(table, table.name)}"


def _insert_raw(table: ReportTable) -> str:
    columns = ", ".join(name for name, _ in tables.raw(table).columns)
    return f"INSERT INTO {RAW_SCHEMA}.{table.name} ({columns}) SELECT {columns} FROM typed_rows WHERE refusal IS NULL"


def _delete_rejects() -> str:
    # A row without a date of its own belongs to no window: it is kept until the report's next refresh.
    return (
        f"DELETE FROM {RAW_SCHEMA}.rejects USING changed_days AS changed "
        "WHERE rejects.property_id = changed.property_id AND rejects.report_id = changed.report_id "
        "AND (rejects.date_text = TO_CHAR(changed.date, 'YYYYMMDD') "
        "OR rejects.reason IN ('bad_date', 'outside_window'))"
    )


def _insert_rejects(at: datetime) -> str:
    return (
        f"INSERT INTO {RAW_SCHEMA}.rejects (property_id, report_id, date_text, reason, record, rejected_at) "
        f"SELECT property_id, report_id, LEFT(date_text, 10), reason, record, {literal(at)} "
        "FROM typed_rows WHERE reason IS NOT NULL"
    )


def _recompute_days_after(table: ReportTable) -> list[str]:
    if not table.recompute_days_after:
        return []
    return [
        f"""INSERT INTO changed_days (property_id, report_id, date)
SELECT DISTINCT later.property_id, later.report_id, later.date FROM {OPS_SCHEMA}.partitions AS later
JOIN changed_days AS changed ON changed.property_id = later.property_id AND changed.report_id = later.report_id
  AND later.date > changed.date AND later.date <= changed.date + {table.recompute_days_after}
LEFT JOIN changed_days AS known ON known.property_id = later.property_id AND known.report_id = later.report_id
  AND known.date = later.date
WHERE later.report_table = {literal(table.name)} AND known.property_id IS NULL"""
    ]


def _insert_partitions(table: ReportTable) -> str:
    return f"""INSERT INTO {OPS_SCHEMA}.partitions (report_table, property_id, report_id, date, generation, row_count)
SELECT {literal(table.name)}, changed.property_id, changed.report_id, changed.date, 0, 0 FROM changed_days AS changed
LEFT JOIN {OPS_SCHEMA}.partitions AS known ON known.report_table = {literal(table.name)}
  AND {" AND ".join(f"known.{column} = changed.{column}" for column in _DAY)}
WHERE known.property_id IS NULL"""


def _advance_partitions(table: ReportTable, at: datetime) -> str:
    days = ", ".join(f"changed.{column}" for column in (*_DAY, *_TRACE))
    trace = ", ".join(f"{column} = COALESCE(counted.{column}, partitions.{column})" for column in _TRACE)
    # What is only computed anew was not taken in anew: rows and sums stay those of the refresh that did.
    taken_in = "counted.correlation_id IS NOT NULL OR partitions.sums IS NULL"
    numbers = ", ".join(
        f"{name} = CASE WHEN {taken_in} THEN counted.{name} ELSE partitions.{name} END"
        for name in ("row_count", "sums")
    )
    return f"""UPDATE {OPS_SCHEMA}.partitions SET generation = partitions.generation + 1, {numbers},
  refreshed_at = {literal(at)}, unload_run_id = NULL, unloaded_at = NULL, {trace}
FROM (SELECT {days}, COUNT(stored.property_id) AS row_count, {metric_sums(table)} AS sums FROM changed_days AS changed
  LEFT JOIN {COMBINED_SCHEMA}.{table.name} AS stored ON {_same_day(table, "stored")} GROUP BY {days}) AS counted
WHERE partitions.report_table = {literal(table.name)}
  AND {" AND ".join(f"partitions.{column} = counted.{column}" for column in _DAY)}"""


def _differs(column: str, source: str) -> str:
    ours, theirs = f"stored.{column}", f"day.{source}"
    return (
        f"{ours} <> {theirs} OR ({ours} IS NULL AND {theirs} IS NOT NULL) OR ({ours} IS NOT NULL AND {theirs} IS NULL)"
    )
