"""What the overview page of one property shows: cards, the daily chart, the table of days."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

from dataflows.contracts.ga4 import Unit
from dataflows.contracts.reports import REPORTS
from reports.measures import Measure
from reports.queries import Granularity, Include, Query
from reports.ranges import DateRange
from reports.selectors import QueryResult, run_query

CARDS: Final = (
    "sessions",
    "engagement_rate",
    "screen_page_views",
    "sum_daily_active_users",
    "key_events",
    "total_revenue",
)
DAY_COLUMNS: Final = (
    "sessions",
    "engaged_sessions",
    "engagement_rate",
    "active_users",
    "new_users",
    "screen_page_views",
    "event_count",
    "key_events",
    "total_revenue",
)
_REPORT: Final = REPORTS["daily_totals"]

Number = Decimal | int | None


@dataclass(frozen=True)
class Card:
    """One figure of the range, with its change against the range before and its course by day."""

    measure: Measure
    value: Number
    previous: Number
    change: Decimal | None  # a share of the previous value; for rates percentage points / 100
    course: list[Number]

    @property
    def is_rate(self) -> bool:
        """Whether the change is in percentage points."""
        return self.measure.unit is Unit.RATIO


@dataclass(frozen=True)
class Day:
    """One day's numbers; None where nothing was loaded."""

    date: date
    metrics: Mapping[str, Number] | None
    is_provisional: bool


@dataclass(frozen=True)
class Overview:
    """Everything the page shows for one range."""

    cards: list[Card]
    days: list[Day]
    sessions_before: list[Number]  # day by day of the range before
    columns: list[Measure]

    @property
    def is_comparable(self) -> bool:
        """Whether the range before has as many days with numbers as this one: else a change means nothing."""
        days_before = sum(value is not None for value in self.sessions_before)
        return days_before == sum(day.metrics is not None for day in self.days)

    @property
    def has_rows(self) -> bool:
        """Whether any day of the range has numbers."""
        return any(day.metrics is not None for day in self.days)


def overview_of(property_id: str, range_: DateRange, provisional_from: date) -> Overview:
    """Return the overview of a property over a range; days from `provisional_from` on are marked."""
    by_day = _query(property_id, range_, (*DAY_COLUMNS, "sum_daily_active_users"), Granularity.DAY)
    days = [Day(day, metrics, day >= provisional_from) for day, metrics in _each_day(by_day, range_)]
    before = _each_day(_query(property_id, range_.previous, ("sessions",), Granularity.DAY), range_.previous)
    current = _query(property_id, range_, CARDS, Granularity.TOTAL)
    previous = _query(property_id, range_.previous, CARDS, Granularity.TOTAL)
    columns = [measure for measure in by_day.grouped.measures if measure.name in DAY_COLUMNS]
    sessions_before = [(metrics or {}).get("sessions") for _, metrics in before]
    return Overview(_cards(current, previous, days), days, sessions_before, columns)


def _each_day(result: QueryResult, range_: DateRange) -> list[tuple[date, Mapping[str, Any] | None]]:
    """Return every date of the range with its metrics; None for a day of which nothing is loaded."""
    metrics = {row.dimensions["date"]: row.metrics for row in result.rows}
    return [(day, metrics.get(day)) for day in range_.dates]


def _query(property_id: str, range_: DateRange, metrics: tuple[str, ...], granularity: Granularity) -> QueryResult:
    query = Query(
        property_ids=(property_id,),
        metrics=metrics,
        date_range=(range_.start_date, range_.end_date),
        granularity=granularity,
        include=Include(),
    )
    return run_query(query, _REPORT)


def _cards(current: QueryResult, previous: QueryResult, days: list[Day]) -> list[Card]:
    now = current.rows[0].metrics if current.rows else {}
    before = previous.rows[0].metrics if previous.rows else {}
    return [
        Card(
            measure,
            now.get(measure.name),
            before.get(measure.name),
            change_between(now.get(measure.name), before.get(measure.name), is_rate=measure.unit is Unit.RATIO),
            [(day.metrics or {}).get(measure.name) for day in days],
        )
        for measure in current.grouped.measures
    ]


def change_between(current: Number, previous: Number, *, is_rate: bool) -> Decimal | None:
    """Return (current − previous) / previous, None when previous is 0; for rates the plain difference."""
    if current is None or previous is None:
        return None
    difference = Decimal(current) - Decimal(previous)
    if is_rate:
        return difference
    return difference / Decimal(previous) if previous else None
