"""Compares what Account 1 says that MySQL holds of a data flow's days with what was unloaded of them.

Only equal generations are compared: a day whose newest generation is not unloaded yet keeps what was known of it.
"""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from dataflows.contracts.counts import CountedReport, DataFlowDaysCounted, HeldDays
from dataflows.contracts.tables import PARTITIONS
from warehouse.differences import Difference, Hop
from warehouse.statements import Warehouse, literal

_MOST: Final = 100  # of one report, the newest days; the others are found when these are mended


@dataclass(frozen=True)
class _Day:
    """A day of the ledger."""

    property_id: str
    report: str
    date: date
    generation: int
    row_count: int
    is_unloaded: bool


def compared_days(
    warehouse: Warehouse, counted: DataFlowDaysCounted, known: Iterable[Difference]
) -> tuple[list[Difference], list[Difference]]:
    """Return what was known of the days that a statement speaks of, and what is known now.

    Raises TransientError or TerminalError.
    """
    spoken_of = [item for item in known if _is_spoken_of(item, counted.reports)]
    by_day: dict[tuple[str, date], list[Difference]] = {}
    for item in spoken_of:
        by_day.setdefault((item.report, item.start_date), []).append(item)
    found: dict[str, list[Difference]] = {}
    for day in _days(warehouse, counted):
        report = next(item for item in counted.reports if item.report == day.report and _holds(item, day.date))
        found.setdefault(day.report, []).extend(
            _differences(day, report, by_day.get((day.report, day.date), []), counted.occurred_at)
        )
    return spoken_of, [item for of_report in found.values() for item in of_report[:_MOST]]


def _is_spoken_of(item: Difference, reports: Iterable[CountedReport]) -> bool:
    return any(report.report == item.report and _holds(report, item.start_date) for report in reports)


def _holds(days: CountedReport | HeldDays, day: date) -> bool:
    return days.start_date <= day <= days.end_date


def _days(warehouse: Warehouse, counted: DataFlowDaysCounted) -> Iterator[_Day]:
    asked = " OR ".join(
        f"(report_id = {literal(report.report)} AND date BETWEEN {literal(report.start_date)} "
        f"AND {literal(report.end_date)})"
        for report in counted.reports
    )
    rows = warehouse.query(
        f"SELECT property_id, report_id, date, generation, row_count, unloaded_at FROM {PARTITIONS.qualified_name} "
        f"WHERE property_id = {literal(counted.property_id)} AND ({asked}) ORDER BY report_id, date DESC"
    )
    return (_day(row) for row in rows)


def _day(row: dict[str, Any]) -> _Day:
    day, numbers = date.fromisoformat(row["date"]), (int(row["generation"]), int(row["row_count"]))
    return _Day(row["property_id"], row["report_id"], day, *numbers, is_unloaded=row["unloaded_at"] is not None)


def _differences(day: _Day, report: CountedReport, before: list[Difference], at: datetime) -> list[Difference]:
    if not day.is_unloaded:
        return before
    held = next((days for days in report.held if _holds(days, day.date)), None)
    if held is None or held.generation != day.generation:
        return _not_arrived(day, before, at)
    if not held.is_counted:
        return [item for item in before if item.hop is Hop.COUNTED and item.generation == day.generation]
    same = (item for item in report.differing if (item.date, item.generation) == (day.date, day.generation))
    found = next(same, None)
    if found is None:
        return []
    counted = _difference(day, Hop.COUNTED, (found.rows_loaded, found.rows_held), at)
    return [counted.since(next((item for item in before if item.hop is Hop.COUNTED), None))]


def _not_arrived(day: _Day, before: list[Difference], at: datetime) -> list[Difference]:
    """The unloaded generation is not MySQL's: on its way, if it was not missed before for long enough."""
    missed = _difference(day, Hop.ARRIVED, (day.row_count, 0), at)
    counted = [item for item in before if item.hop is Hop.COUNTED]
    arrived = next((item for item in before if item.hop is Hop.ARRIVED), None)
    is_same = arrived is not None and (arrived.is_certain or arrived.generation == day.generation)
    return [*counted, missed.since(arrived if is_same else None)]


def _difference(day: _Day, hop: Hop, rows: tuple[int, int], at: datetime) -> Difference:
    return Difference(
        property_id=day.property_id,
        report=day.report,
        hop=hop,
        start_date=day.date,
        end_date=day.date,
        generation=day.generation,
        rows_expected=rows[0],
        rows_found=rows[1],
        first_seen_at=at,
        seen_at=at,
    )
