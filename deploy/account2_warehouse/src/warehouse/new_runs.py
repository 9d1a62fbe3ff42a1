"""The runs that there are to be: of a registration, of a request, of a schedule, and those made instead of others.

A run has the same id however often it is asked for: the id is made from what it reads, not drawn.
"""

import hashlib
import json
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from dataflows.contracts.events import RegisterDataFlow, RunDataFlow, today_in
from dataflows.contracts.plan import DateWindow, Plan, PlannedFlow, daily_window, next_run_at
from warehouse.runs import Run, RunKind, cut_name


def backfill_runs(event: RegisterDataFlow, plan: Plan, at: datetime) -> list[Run]:
    """Return the runs that read everything from the start date to yesterday, newest dates first.

    A report whose definition changed is read anew; one that did not only from its last, open chunk on.
    """
    yesterday = today_in(plan.time_zone, at) - timedelta(1)
    chunks = DateWindow(plan.backfill_from, yesterday).chunks()
    return [
        _on_demand(event, flow, RunKind.BACKFILL, chunk, (event.data_flow_id, flow.tasks))
        for chunk in reversed(chunks)
        for flow in plan.flows
    ]


def run_again(run: Run, revision: int) -> Run:
    """Return another attempt, for a revision of the data flow, at a run that failed."""
    return replace(run, run_id=_run_id(run.run_id, revision))


def retry_of(
    run: Run, window: DateWindow, attempt: int, due_at: datetime | None = None, requested_by: str | None = None
) -> Run:
    """Return the run on demand that reads days of a failed run again, from `due_at` on; by itself if nobody asked.

    The same attempt at the same run has the same id, whoever asks for it.
    """
    return Run(
        run_id=_run_id(run.run_id, "attempt", attempt, window),
        correlation_id=run.correlation_id,
        data_flow_id=run.data_flow_id,
        property_id=run.property_id,
        report=run.report,
        appflow_flow_name=None,
        kind=RunKind.REMEDY if requested_by is None else RunKind.REQUESTED,
        **asdict(window),
        requested_by=requested_by and cut_name(requested_by),
        due_at=due_at,
    )


def gap_runs(event: RegisterDataFlow, flow: PlannedFlow, window: DateWindow) -> list[Run]:
    """Return the runs that read days of a report which no other run has read."""
    of_day = event.model_copy(update={"correlation_id": _day_id(event, window)})
    identity = (event.data_flow_id, event.revision)
    runs = [_on_demand(of_day, flow, RunKind.REMEDY, chunk, identity) for chunk in window.chunks()]
    return [replace(run, requested_by=None) for run in runs]


def requested_runs(request: RunDataFlow, plan: Plan) -> list[Run]:
    """Return the runs that were asked for, of the reports named or of all the plan's."""
    flows = [flow for flow in plan.flows if not request.reports or flow.report in request.reports]
    chunks = DateWindow(request.start_date, request.end_date).chunks()
    return [
        _on_demand(request, flow, RunKind.REQUESTED, chunk, (request.event_id,)) for chunk in chunks for flow in flows
    ]


def scheduled_run(event: RegisterDataFlow, flow: PlannedFlow, after: datetime) -> Run:
    """Return the next run that AppFlow will start by itself after the moment `after`."""
    zone = event.property.time_zone
    due_at = next_run_at(zone, event.refresh_hour_local, after)
    window = daily_window(zone, event.lookback_days, due_at)
    return _scheduled(event, flow, window, _run_id(flow.appflow_flow_name, due_at, window), due_at)


def unplanned_run(event: RegisterDataFlow, flow: PlannedFlow, window: DateWindow, execution_id: str) -> Run:
    """Return a scheduled run that AppFlow made at an hour for which none was noted."""
    return _scheduled(event, flow, window, _run_id(flow.appflow_flow_name, execution_id), None)


def _scheduled(
    event: RegisterDataFlow, flow: PlannedFlow, window: DateWindow, run_id: str, due_at: datetime | None
) -> Run:
    return Run(
        run_id=run_id,
        correlation_id=str(_day_id(event, window)),
        data_flow_id=str(event.data_flow_id),
        property_id=event.property.property_id,
        report=flow.report,
        appflow_flow_name=flow.appflow_flow_name,
        kind=RunKind.SCHEDULED,
        **asdict(window),
        requested_by=cut_name(event.requested_by),
        due_at=due_at,
    )


def _day_id(event: RegisterDataFlow, window: DateWindow) -> UUID:
    """Return an id for each day, the same for all reports: what follows from one registration never ends."""
    return uuid5(event.correlation_id, str(window.end_date))


def _on_demand(
    asked: RegisterDataFlow | RunDataFlow,
    flow: PlannedFlow,
    kind: RunKind,
    window: DateWindow,
    identity: tuple[Any, ...],
) -> Run:
    property_id = asked.property_id if isinstance(asked, RunDataFlow) else asked.property.property_id
    run_id = _run_id(kind, flow.report, window, *identity)
    return Run(
        run_id=run_id,
        correlation_id=str(asked.correlation_id),
        data_flow_id=str(asked.data_flow_id),
        property_id=property_id,
        report=flow.report,
        appflow_flow_name=None,
        kind=kind,
        **asdict(window),
        requested_by=cut_name(asked.requested_by),
    )


def _run_id(*parts: object) -> str:
    canonical = json.dumps(parts, default=str, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()[:32]
