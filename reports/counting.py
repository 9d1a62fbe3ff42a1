"""Counts what MySQL holds of report days and compares it with the loader's ledger: who else writes there is found.

Every day is named with its generation. How many of them are counted at a time is bounded: those not counted for the
longest time come first. A day that is loaded anew meanwhile is left for the next time.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Final

from django.db import transaction
from django.db.models import Count, Q, Sum

from dataflows.contracts.counts import MAX_DIFFERING_DAYS, MAX_RANGES_PER_EVENT, CountedReport, DifferingDay, HeldDays
from dataflows.contracts.plan import DateWindow
from dataflows.contracts.reports import Report
from dataflows.contracts.values import EARLIEST_START_DATE
from dataflows.selectors import DataFlow, DataFlowIncident, registered_reports
from reports.models import REPORT_MODELS, LedgerEntry, Partition

MOST_ROWS: Final = 1_000_000  # at a time, unless one day alone has more: some seconds
MOST_DAYS: Final = 2_000
_A_DAY: Final = timedelta(days=1)

Chosen = dict[tuple[str, str], set[date]]  # by property and report
_Numbers = tuple[int, dict[str, Decimal]]  # rows, and the sum of each metric


@dataclass
class _Count:
    """What came of counting days of a report: all of them with their generation, and those that differ."""

    days: dict[date, int] = field(default_factory=dict)
    differing: list[DifferingDay] = field(default_factory=list)


def days_to_count(data_flows: Iterable[DataFlow], incidents: Iterable[DataFlowIncident]) -> Chosen:
    """Return which days of the data flows are counted now, by property and report.

    Those of the incidents come first, with half of the room at most, then those that were loaded or counted longest
    ago; MOST_DAYS of MOST_ROWS rows together at most.
    """
    of_flows = Partition.objects.filter(property_id__in=[flow.property_id for flow in data_flows], generation__gt=0)
    of_incidents = Q(pk__in=[])
    for incident in incidents:
        days = Q(date__range=(incident.start_date, incident.end_date))
        of_incidents |= Q(property_id=incident.data_flow.property_id, report_id=incident.report) & days
    oldest = of_flows.order_by("counted_at", "property_id", "report_id", "date")
    chosen: Chosen = {}
    first = _within(oldest.filter(of_incidents)[: MOST_DAYS // 2], MOST_ROWS // 2)
    rows_left = MOST_ROWS - sum(partition.row_count for partition in first)
    for partition in [*first, *_within(oldest.exclude(of_incidents)[: MOST_DAYS - len(first)], rows_left)]:
        chosen.setdefault((partition.property_id, partition.report_id), set()).add(partition.date)
    return chosen


def _within(partitions: Iterable[Partition], rows: int) -> list[Partition]:
    """Return the first partitions that have no more rows together; the first one always."""
    within: list[Partition] = []
    for partition in partitions:
        rows -= partition.row_count
        if within and rows < 0:
            break
        within.append(partition)
    return within


def counted_reports(data_flow: DataFlow, chosen: Chosen, at: datetime) -> Iterator[CountedReport]:
    """Count the chosen days of a data flow; yield what MySQL holds of each of its reports, cut where it is long.

    `at` is now: the moment that is noted of the days counted.
    """
    for report in registered_reports(data_flow):
        count = _count(data_flow.property_id, report, chosen.get((data_flow.property_id, report.slug), set()))
        _note(data_flow.property_id, report, count.days, at)
        held = _held(data_flow.property_id, report, count.days)
        yield from _cut(report, held, count.differing, last_day=at.date() + _A_DAY)


def _count(property_id: str, report: Report, days: set[date]) -> _Count:
    """Count days of a report, leaving out those that were loaded while they were counted."""
    if not days:
        return _Count()
    before = _generations(property_id, report, days)
    found = _rows_and_sums(property_id, report, days)
    after = _generations(property_id, report, days)
    loaded = _as_loaded(property_id, report, days)
    count = _Count()
    for day in sorted(days, reverse=True):
        if day not in before or before[day] != after.get(day) or len(count.differing) == MAX_DIFFERING_DAYS:
            continue
        generation, row_count = before[day]
        held, as_loaded = found.get(day, (0, {})), loaded.get((day, generation), (row_count, {}))
        if _differs(held, as_loaded):
            rows = {"rows_loaded": as_loaded[0], "rows_held": held[0]}
            count.differing.append(DifferingDay.model_validate({"date": day, "generation": generation, **rows}))
        count.days[day] = generation
    return count


def _differs(held: _Numbers, loaded: _Numbers) -> bool:
    """Whether rows or sums are others than were loaded; of a day without a ledger entry only the rows are known."""
    return held[0] != loaded[0] or any(held[1].get(name, 0) != total for name, total in loaded[1].items())


def _generations(property_id: str, report: Report, days: set[date]) -> dict[date, tuple[int, int]]:
    """Return generation and number of rows of each day, as MySQL's own record of it says."""
    of_days = Partition.objects.filter(property_id=property_id, report_id=report.slug, date__in=days)
    return {day: (generation, rows) for day, generation, rows in of_days.values_list("date", "generation", "row_count")}


def _rows_and_sums(property_id: str, report: Report, days: set[date]) -> dict[date, _Numbers]:
    """Return the number of rows and the sum of each metric of the days that have rows."""
    table = report.table
    rows = REPORT_MODELS[table.name]._default_manager.filter(property_id=property_id, date__in=days)
    if table.is_custom:
        rows = rows.filter(report_id=report.slug)
    names = [column.name for column in table.metrics]
    sums = {f"sum_{name}": Sum(name) for name in names}
    counted = rows.order_by().values("date").annotate(held_rows=Count("*"), **sums)
    return {
        row["date"]: (row["held_rows"], {name: Decimal(row[f"sum_{name}"] or 0) for name in names}) for row in counted
    }


def _as_loaded(property_id: str, report: Report, days: set[date]) -> dict[tuple[date, int], _Numbers]:
    """Return number of rows and sums of each generation of the days, as the ledger has them."""
    entries = LedgerEntry.objects.filter(property_id=property_id, report_id=report.slug, date__in=days)
    return {
        (entry.date, entry.generation): (entry.row_count, {name: Decimal(total) for name, total in entry.sums.items()})
        for entry in entries.only("date", "generation", "row_count", "sums")
    }


def _note(property_id: str, report: Report, days: Iterable[date], at: datetime) -> None:
    """Note when days were counted; those that a loader works on are passed over, and counted again soon."""
    of_report = Partition.objects.filter(property_id=property_id, report_id=report.slug)
    counted = of_report.filter(date__in=list(days), loaded_at__lt=at)
    with transaction.atomic():
        free = list(counted.select_for_update(skip_locked=True).values_list("date", flat=True))
        of_report.filter(date__in=free).update(counted_at=at)


def _held(property_id: str, report: Report, counted: Mapping[date, int]) -> list[HeldDays]:
    """Return all days that MySQL holds of a report, consecutive ones alike as one range, the oldest first."""
    of_report = Partition.objects.filter(property_id=property_id, report_id=report.slug, generation__gt=0)
    ranges: list[tuple[date, date, int, bool]] = []
    for day, generation in of_report.order_by("date").values_list("date", "generation"):
        alike = (generation, counted.get(day) == generation)
        if ranges and ranges[-1][1] + _A_DAY == day and ranges[-1][2:] == alike:
            ranges[-1] = (ranges[-1][0], day, *alike)
        else:
            ranges.append((day, day, *alike))
    names = ("start_date", "end_date", "generation", "is_counted")
    return [HeldDays.model_validate(dict(zip(names, days, strict=True))) for days in ranges]


def _cut(
    report: Report, held: Sequence[HeldDays], differing: Iterable[DifferingDay], last_day: date
) -> Iterator[CountedReport]:
    """Yield pieces of so many ranges that each fits an event; together they speak of every day there may be."""
    start_date = EARLIEST_START_DATE
    for first in range(0, max(len(held), 1), MAX_RANGES_PER_EVENT):
        ranges = held[first : first + MAX_RANGES_PER_EVENT]
        is_last = first + MAX_RANGES_PER_EVENT >= len(held)
        end_date = max(last_day, ranges[-1].end_date if ranges else last_day) if is_last else ranges[-1].end_date
        days = DateWindow(start_date, end_date)
        own = [day for day in differing if days.start_date <= day.date <= days.end_date]
        yield CountedReport(report=report.slug, start_date=start_date, end_date=end_date, held=ranges, differing=own)
        start_date = end_date + _A_DAY
