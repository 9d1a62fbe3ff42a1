"""States to Account 2 what MySQL holds, which compares it with what it unloaded: that finds loads that were lost.

Each statement says all of it again, so none is kept in the outbox: what is lost of one is made good by the next.
"""

import logging
import uuid
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from celery import shared_task
from django.utils import timezone

from dataflows.contracts.counts import MAX_RANGES_PER_EVENT, CountedReport, DataFlowDaysCounted
from dataflows.contracts.events import Station
from dataflows.contracts.incidents import IncidentKind
from dataflows.outbox import bus_entry, event_bridge
from dataflows.selectors import DataFlow, DataFlowIncident, unresolved_incidents
from dataflows.tracing import ids_at, logged_with
from reports.counting import counted_reports, days_to_count

logger = logging.getLogger(__name__)


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def state_days() -> int:
    """State what MySQL holds of every active data flow; return how many there are. Raises botocore's errors."""
    return _state(_active())


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def state_differing_days() -> int:
    """Do the same for the data flows whose counts differ: more often, for somebody waits for their recovery."""
    active = _active()
    troubled = {incident.data_flow_id for incident in _differing(active)}
    return _state([data_flow for data_flow in active if data_flow.id in troubled])


def _active() -> list[DataFlow]:
    return list(DataFlow.objects.filter(status=DataFlow.Status.ACTIVE))


def _state(data_flows: Sequence[DataFlow]) -> int:
    now = timezone.now()
    chosen = days_to_count(data_flows, _differing(data_flows))
    for data_flow in data_flows:
        for reports in _fitting(counted_reports(data_flow, chosen, now)):
            statement = _statement(data_flow, reports, now)
            with logged_with(**ids_at(Station.PUBLISH, statement)):
                _put(statement)
    return len(data_flows)


def _differing(data_flows: Iterable[DataFlow]) -> list[DataFlowIncident]:
    found = unresolved_incidents(data_flows).values()
    return [item for items in found for item in items if item.kind == IncidentKind.COUNTS_DIFFER]


def _fitting(reports: Iterable[CountedReport]) -> Iterator[list[CountedReport]]:
    """Yield the reports in portions that fit one event each."""
    portion: list[CountedReport] = []
    for report in reports:
        if portion and sum(map(_size, (*portion, report))) > MAX_RANGES_PER_EVENT:
            yield portion
            portion = []
        portion.append(report)
    if portion:
        yield portion


def _size(report: CountedReport) -> int:
    return len(report.held) + len(report.differing)


def _statement(data_flow: DataFlow, reports: Iterable[CountedReport], at: datetime) -> DataFlowDaysCounted:
    return DataFlowDaysCounted(
        event_id=uuid.uuid4(),
        correlation_id=uuid.uuid4(),
        data_flow_id=data_flow.id,
        property_id=data_flow.property_id,
        reports=tuple(reports),
        occurred_at=at,
    )


def _put(statement: DataFlowDaysCounted) -> None:
    for report in statement.reports:
        if report.differing:
            days = ", ".join(f"{day.date}" for day in report.differing)
            logger.warning("%s of %s differs from what was loaded: %s", report.report, statement.property_id, days)
    entry = bus_entry(type(statement).__name__, statement.model_dump_json())
    answer = event_bridge().put_events(Entries=[entry])
    if answer["FailedEntryCount"]:
        logger.warning("the statement of %s was not taken: %s", statement.property_id, answer["Entries"][0])
