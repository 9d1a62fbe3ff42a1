"""What may be read of the registry, and by whom."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID
from zoneinfo import available_timezones

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.db.models import Min, OuterRef, Q, QuerySet, Subquery

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import CustomReport, DataFlowStatus, RegisterDataFlow, ReportRequest, RunStatus, Station
from dataflows.contracts.incidents import IncidentState
from dataflows.contracts.reports import Report
from dataflows.definitions import custom_reports_in
from dataflows.models import DataFlow, DataFlowIncident, OutboxEvent, Run, TimelineEntry, WarehouseOutage

__all__ = [
    "DataFlow",
    "DataFlowIncident",
    "Journey",
    "OutboxBacklog",
    "TimelineEntry",
    "asked_since",
    "can_register",
    "custom_reports_ever_asked",
    "failing_runs",
    "outbox_backlog",
    "readable_data_flows",
    "registered_report",
    "registered_reports",
    "time_zone_names",
    "timeline_of",
    "unresolved_incidents",
]

REGISTER_PERMISSION = "dataflows.register_data_flow"


def can_register(user: AbstractUser | AnonymousUser) -> bool:
    """Return whether the user is an operator: may register, change and see every data flow."""
    return user.is_authenticated and user.has_perm(REGISTER_PERMISSION)


def readable_data_flows(user: AbstractUser | AnonymousUser) -> QuerySet[DataFlow]:
    """Return the data flows whose reports the user may read: an operator all, anyone else those granted."""
    if can_register(user):
        return DataFlow.objects.all()
    if not user.is_authenticated:
        return DataFlow.objects.none()
    return DataFlow.objects.filter(grants__user_id=user.pk)


def registered_reports(data_flow: DataFlow) -> list[Report]:
    """Return the reports a data flow was registered with, declared and custom ones alike."""
    return [ReportRequest.model_validate(request).report() for request in data_flow.reports]


def custom_reports_ever_asked(data_flow: DataFlow) -> list[CustomReport]:
    """Return the custom reports whose rows may be stored, the latest last.

    They are those of every revision but one that Account 2 refused before it made a table.
    """
    failed = data_flow.timeline.filter(status=DataFlowStatus.FAILED).values("correlation_id")
    made = data_flow.timeline.filter(status=DataFlowStatus.SCHEMA_READY).values("correlation_id")
    possible = _announcements(data_flow).exclude(Q(correlation_id__in=failed) & ~Q(correlation_id__in=made))
    details = possible.order_by("revision").values_list("detail", flat=True)
    return custom_reports_in([request for detail in details for request in json.loads(detail)["reports"]])


def asked_since(data_flow: DataFlow, revision: int, *, limit: int) -> list[TimelineEntry]:
    """Return the requests that made revisions later than `revision`, the newest first."""
    later = _announcements(data_flow).filter(revision__gt=revision).values("correlation_id")
    entries = data_flow.timeline.filter(station=Station.SUBMIT, correlation_id__in=later)
    return list(entries.order_by("-recorded_at")[:limit])


def _announcements(data_flow: DataFlow) -> QuerySet[OutboxEvent]:
    return data_flow.outbox_events.filter(detail_type=RegisterDataFlow.__name__)


def failing_runs(data_flows: Iterable[DataFlow]) -> dict[UUID, list[Run]]:
    """Return, by active data flow, the newest run of each of its reports of which that failed; one query for all."""
    active = {flow.id: flow for flow in data_flows if flow.status == DataFlow.Status.ACTIVE}
    same = Run.objects.filter(data_flow=OuterRef("data_flow"), report=OuterRef("report"))
    newest = same.order_by("-changed_at", "-run_id").values("run_id")[:1]
    failed = Run.objects.filter(data_flow__in=list(active), status=RunStatus.FAILED, run_id=Subquery(newest))
    found: dict[UUID, list[Run]] = {}
    for run in failed.order_by("report"):
        if run.report in _slugs(active[run.data_flow_id]):
            found.setdefault(run.data_flow_id, []).append(run)
    return found


def unresolved_incidents(data_flows: Iterable[DataFlow]) -> dict[UUID, list[DataFlowIncident]]:
    """Return, by data flow, what is wrong with its reports and not over yet, the oldest first; one query for all."""
    found: dict[UUID, list[DataFlowIncident]] = {}
    ids = [data_flow.id for data_flow in data_flows]
    for incident in DataFlowIncident.objects.filter(data_flow__in=ids).exclude(state=IncidentState.RESOLVED):
        found.setdefault(incident.data_flow_id, []).append(incident)
    return found


def outages_under_way() -> list[WarehouseOutage]:
    """Return the times in which the warehouse does not answer that are not over: one, or none."""
    return list(WarehouseOutage.objects.filter(is_over=False))


def _slugs(data_flow: DataFlow) -> set[str]:
    return {report.slug for report in registered_reports(data_flow)}


@dataclass(frozen=True)
class Journey:
    """Everything that followed from one request, or from one day's schedule, in the order it was recorded."""

    correlation_id: UUID
    entries: list[TimelineEntry]


def timeline_of(data_flow: DataFlow, *, limit: int) -> list[Journey]:
    """Return what happened to a data flow, a journey for each of the latest requests and days, the newest first.

    The latest request of an operator is always among them.
    """
    begun = data_flow.timeline.order_by().values("correlation_id").annotate(begun_at=Min("recorded_at"))
    latest = begun.order_by("-begun_at").values_list("correlation_id", flat=True)
    ids = {*latest[:limit], *latest.filter(station=Station.SUBMIT)[:1]}
    journeys: dict[UUID, list[TimelineEntry]] = {}
    for entry in data_flow.timeline.filter(correlation_id__in=ids).order_by("recorded_at"):
        journeys.setdefault(entry.correlation_id, []).append(entry)
    return [Journey(correlation_id, entries) for correlation_id, entries in reversed(journeys.items())]


@dataclass(frozen=True)
class OutboxBacklog:
    """What is decided and not yet sent: how long the oldest event waits, and how many were given up."""

    oldest_seconds: float
    given_up: int


def outbox_backlog(at: datetime) -> OutboxBacklog:
    """Return what the outbox holds at the aware moment `at`."""
    states = OutboxEvent.State
    oldest = OutboxEvent.objects.filter(state=states.QUEUED).aggregate(oldest=Min("created_at"))["oldest"]
    seconds = max((at - oldest).total_seconds(), 0) if oldest else 0
    return OutboxBacklog(seconds, OutboxEvent.objects.filter(state=states.GIVEN_UP).count())


@cache
def time_zone_names() -> list[str]:
    """Return the IANA time zones to choose from."""
    return sorted(name for name in available_timezones() if "/" in name or name == "UTC")


def registered_report(data_flows: Iterable[DataFlow], slug: str) -> Report:
    """Return the report of that slug that every one of the data flows has.

    Raises InvalidDataFlowError when one has none of that slug, or two mean different things by it.
    """
    found = set()
    for data_flow in data_flows:
        report = next((report for report in registered_reports(data_flow) if report.slug == slug), None)
        if report is None:
            raise InvalidDataFlowError(
                f"{data_flow.display_name} has no report {slug!r}: choose one it is registered with.",
                reason="report_not_registered",
            )
        found.add(report)
    if len(found) != 1:
        raise InvalidDataFlowError(
            f"{slug!r} is made of other fields in each of these properties: ask for them one at a time.",
            reason="report_differs",
        )
    return found.pop()
