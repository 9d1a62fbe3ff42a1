"""Compares the warehouse with itself: what AppFlow delivered, what was taken in, what is unloaded from.

Each comparison is one statement, so that it sees every refresh whole or not at all. The ledger of days
(`ga4_ops.partitions`) has rows and sums as the refresh that wrote them counted; a day of before that has none.
"""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final

from dataflows.contracts.naming import COMBINED_SCHEMA, RAW_SCHEMA
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from dataflows.contracts.tables import PARTITIONS, REJECTS, RUNS
from warehouse.differences import Difference, Hop
from warehouse.refresh_sql import metric_sums
from warehouse.statements import MAX_STATEMENT_BYTES, Warehouse, literal
from warehouse.typing_sql import refused_rows_condition

_SCHEMAS: Final = {Hop.TYPED: RAW_SCHEMA, Hop.COMBINED: COMBINED_SCHEMA}
_MOST: Final = 20  # of one report in one look, the newest days; the others are found when these are mended
_NEW: Final = timedelta(days=1)
_DELIVERIES_OF: Final = timedelta(days=7)
_TURNS: Final = 96  # quarters of an hour in a day: each older day is looked at in one of them
_STATEMENT_BYTES: Final = MAX_STATEMENT_BYTES - 1000
_FIRST_DAY: Final = date(2000, 1, 1)


def compared(
    warehouse: Warehouse, tables: Iterable[ReportTable], known: Sequence[Difference], at: datetime
) -> list[Difference]:
    """Return what differs in these tables at the aware moment `at`, in no order.

    The newest deliveries are looked at, and of the days those refreshed within a day, those known to differ, and
    one in `_TURNS` of the others, another each quarter of an hour. Raises TransientError or TerminalError.
    """
    queries = [_deliveries_query(at), *(_days_query(table, hop, known, at) for table in tables for hop in _SCHEMAS)]
    found = (_difference(row, at) for statement in _joined(queries) for row in warehouse.query(statement))
    before = {item.key: item for item in known}
    return [item.since(before.get(item.key)) for item in found]


def _joined(queries: Iterable[str]) -> Iterator[str]:
    """Yield the queries in as few statements as hold them."""
    statement = ""
    for query in queries:
        if statement and len(statement) + len(query) > _STATEMENT_BYTES:
            yield statement
            statement = ""
        statement += f" UNION ALL {query}" if statement else query
    yield statement


def _difference(row: dict[str, Any], at: datetime) -> Difference:
    return Difference(
        property_id=row["property_id"],
        report=row["report"],
        hop=Hop(row["hop"]),
        start_date=date.fromisoformat(row["start_date"]),
        end_date=date.fromisoformat(row["end_date"]),
        generation=int(row["generation"]),
        rows_expected=int(row["rows_expected"]),
        rows_found=int(row["rows_found"]),
        first_seen_at=at,
        seen_at=at,
    )


def _days_query(table: ReportTable, hop: Hop, known: Iterable[Difference], at: datetime) -> str:
    """The days whose rows in one layer are not those that the ledger has, in number or in the sum of any metric."""
    same_day = " AND ".join(f"stored.{column} = days.{column}" for column in table.partition_columns)
    day = "days.property_id, days.report_id, days.date, days.generation, days.row_count"
    place = "ROW_NUMBER() OVER (PARTITION BY days.property_id, days.report_id ORDER BY days.date DESC)"
    return f"""SELECT property_id, report, hop, start_date, end_date, generation, rows_expected, rows_found
FROM (SELECT days.property_id, days.report_id AS report, {_hop(hop)} AS hop,
    days.date AS start_date, days.date AS end_date, days.generation, days.row_count AS rows_expected,
    COUNT(stored.property_id) AS rows_found, {place} AS place
  FROM {PARTITIONS.qualified_name} AS days
  LEFT JOIN {_SCHEMAS[hop]}.{table.name} AS stored ON {same_day}
  WHERE days.report_table = {literal(table.name)} AND days.sums IS NOT NULL AND ({_looked_at(table, known, at)})
  GROUP BY {day}, days.sums
  HAVING COUNT(stored.property_id) <> days.row_count OR {metric_sums(table)} <> days.sums
) AS {hop.value} WHERE place <= {_MOST}"""


def _hop(hop: Hop) -> str:
    # Redshift finds no type for a bare text that a query around it uses.
    return f"CAST({literal(hop)} AS VARCHAR(20))"


def _looked_at(table: ReportTable, known: Iterable[Difference], at: datetime) -> str:
    turn = int(at.timestamp()) // (24 * 3600 // _TURNS) % _TURNS
    of_table = [item for item in known if item.hop in _SCHEMAS and _is_of(item, table)]
    known_days = (
        f"(days.property_id = {literal(item.property_id)} AND days.report_id = {literal(item.report)} "
        f"AND days.date = {literal(item.start_date)})"
        for item in of_table
    )
    is_new = f"days.refreshed_at > {literal(at - _NEW)}"
    is_turn = f"MOD(days.date - {literal(_FIRST_DAY)}, {_TURNS}) = {turn}"
    return " OR ".join((is_new, is_turn, *known_days))


def _is_of(item: Difference, table: ReportTable) -> bool:
    return item.report == table.name if item.report in REPORT_TABLES else table.is_custom


def _deliveries_query(at: datetime) -> str:
    """The newest refresh of each report that did not account for every row that AppFlow delivered to it.

    Of an older one nobody can tell: later ones have replaced some of its days, and rejects without a date. Two of
    the same moment are left out where their days overlap.
    """
    since = f"runs.status = 'succeeded' AND runs.consumed_at > {literal(at - _DELIVERIES_OF)}"
    refresh = "runs.property_id, runs.report, runs.consumed_at"
    return f"""SELECT delivered.property_id, delivered.report, {_hop(Hop.DELIVERED)} AS hop,
  delivered.start_date, delivered.end_date, 0 AS generation, delivered.row_count AS rows_expected,
  held.row_count + COALESCE(refused.row_count, 0) AS rows_found
FROM (SELECT {refresh}, MIN(runs.start_date) AS start_date, MAX(runs.end_date) AS end_date,
    SUM(runs.rows_delivered) AS row_count
  FROM {RUNS.qualified_name} AS runs WHERE {since} GROUP BY {refresh}) AS delivered
JOIN (SELECT runs.property_id, runs.report, MAX(runs.consumed_at) AS consumed_at
  FROM {RUNS.qualified_name} AS runs WHERE {since} GROUP BY runs.property_id, runs.report) AS newest
  ON {_same_refresh("newest")}
JOIN (SELECT {refresh}, SUM(days.row_count) AS row_count
  FROM {RUNS.qualified_name} AS runs
  JOIN {PARTITIONS.qualified_name} AS days ON days.property_id = runs.property_id AND days.report_id = runs.report
    AND days.date BETWEEN runs.start_date AND runs.end_date
  WHERE {since} GROUP BY {refresh} HAVING COUNT(*) = COUNT(DISTINCT days.date)) AS held
  ON {_same_refresh("held")}
LEFT JOIN (SELECT refused.property_id, refused.report_id AS report, refused.rejected_at AS consumed_at,
    COUNT(*) AS row_count
  FROM {REJECTS.qualified_name} AS refused WHERE {refused_rows_condition("refused")}
  GROUP BY refused.property_id, refused.report_id, refused.rejected_at) AS refused
  ON {_same_refresh("refused")}
WHERE delivered.row_count <> held.row_count + COALESCE(refused.row_count, 0)"""


def _same_refresh(name: str) -> str:
    return " AND ".join(f"{name}.{column} = delivered.{column}" for column in ("property_id", "report", "consumed_at"))
