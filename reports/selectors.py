"""Station 9: answers queries from what the loader wrote."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final

from django.db import OperationalError, connection
from django.db.models import Max, QuerySet
from django.utils import timezone

from dataflows.contracts.events import today_in
from dataflows.contracts.plan import LATE_AFTER
from dataflows.contracts.reports import Report
from dataflows.selectors import DataFlow, registered_reports
from reports.errors import SlowQueryError
from reports.grouping import GroupedQuery, resolve
from reports.measures import Measure
from reports.models import Partition, Quarantine
from reports.queries import Query

_TOO_SLOW: Final = frozenset({3024, 1969})  # MySQL: max_execution_time; MariaDB: max_statement_time
PROVISIONAL_HOURS: Final = 72  # GA4 accepts late hits for so long after a day has ended


def quarantined_unloads(data_flow: DataFlow) -> QuerySet[Quarantine]:
    """Return the unloads that could not be loaded and may hold a report of this data flow, the latest first."""
    slugs = {request.get("slug") or "custom" for request in data_flow.reports}
    return Quarantine.objects.filter(resolved_at=None, report_table__in=slugs).order_by("-quarantined_at")


@dataclass(frozen=True)
class ResultRow:
    """One group: its dimension values, its metrics, and the sums they were made of."""

    dimensions: dict[str, Any]
    metrics: dict[str, Any]
    components: dict[str, Any]


@dataclass(frozen=True)
class QueryResult:
    """The answer to a query; `totals` holds only metrics that may be summed over everything."""

    grouped: GroupedQuery
    rows: list[ResultRow]
    totals: dict[str, Any] = field(default_factory=dict)
    total_rows: int | None = None


@dataclass(frozen=True)
class Freshness:
    """How far a property's report reaches, and from which date on numbers may still change."""

    data_through: date | None
    provisional_from: date


def run_query(query: Query, report: Report) -> QueryResult:
    """Answer `query` from `report`'s table.

    Raises reports.measures.MeasureError when a metric or dimension can't be answered as asked, SlowQueryError
    when the database ends it.
    """
    grouped = resolve(query, report)
    rows = [_row(grouped, values) for values in _fetch(*grouped.rows_statement())]
    totals = _totals(grouped) if query.include.totals and grouped.totals else {}
    total_rows = _fetch(*grouped.count_statement())[0][0] if query.include.total_rows else None
    return QueryResult(grouped, rows, totals, total_rows)


def freshness(data_flows: Iterable[DataFlow], report_id: str) -> list[Freshness]:
    """Return how far a report's data reaches in each of the properties, in their order; one query for all."""
    data_flows, now = list(data_flows), timezone.now()
    loaded = Partition.objects.filter(property_id__in=[flow.property_id for flow in data_flows], report_id=report_id)
    through = dict(loaded.values_list("property_id").annotate(through=Max("date")))
    return [Freshness(through.get(flow.property_id), provisional_from(flow.time_zone, now)) for flow in data_flows]


def reports_behind(at: datetime) -> int:
    """Return how many reports of active data flows lack the day that should be loaded at the aware moment `at`.

    It is the day before the last refresh hour that has passed, with LATE_AFTER for the run and the load. A report of
    which nothing was ever loaded is not counted: its back-fill is under way, or its runs fail and say so.
    """
    active = list(DataFlow.objects.filter(status=DataFlow.Status.ACTIVE))
    loaded = Partition.objects.filter(property_id__in=[flow.property_id for flow in active])
    latest = loaded.values_list("property_id", "report_id").annotate(latest=Max("date"))
    through = {(property_id, report_id): day for property_id, report_id, day in latest}
    return sum(
        through.get((flow.property_id, report.slug), date.max) < _expected(flow, at)
        for flow in active
        for report in registered_reports(flow)
    )


def _expected(flow: DataFlow, at: datetime) -> date:
    due = at - LATE_AFTER - timedelta(hours=flow.refresh_hour_local)
    return today_in(flow.time_zone, due) - timedelta(1)


def provisional_from(time_zone: str, at: datetime) -> date:
    """Return the first date whose end, in the property's time zone, lies less than 72 h before `at`."""
    return today_in(time_zone, at - timedelta(hours=PROVISIONAL_HOURS))


def has_data(property_ids: Iterable[str], report_id: str) -> bool:
    """Return whether anything was ever loaded of the report for one of the properties."""
    return Partition.objects.filter(property_id__in=list(property_ids), report_id=report_id).exists()


def _fetch(statement: str, parameters: Sequence[Any]) -> list[tuple[Any, ...]]:
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement, parameters)
            return list(cursor.fetchall())
    except OperationalError as error:
        if error.args and error.args[0] in _TOO_SLOW:
            raise SlowQueryError from error
        raise


def _row(grouped: GroupedQuery, values: Sequence[Any]) -> ResultRow:
    names = list(grouped.groups)
    dimensions = {name: _text(value) for name, value in zip(names, values, strict=False)}
    sums = dict(zip(grouped.sums, values[len(names) :], strict=True))
    return ResultRow(dimensions, _metrics(grouped.measures, sums), sums)


def _totals(grouped: GroupedQuery) -> dict[str, Any]:
    values = _fetch(*grouped.totals_statement())[0]
    return _metrics(grouped.totals, dict(zip(grouped.total_sums, values, strict=True)))


def _metrics(measures: Iterable[Measure], sums: Mapping[str, Any]) -> dict[str, Any]:
    return {measure.name: measure.value({name: sums[name] for name in measure.sums}) for measure in measures}


def _text(value: Any) -> Any:
    return value.decode() if isinstance(value, bytes) else value
