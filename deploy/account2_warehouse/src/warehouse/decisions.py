"""What follows from a failed run: pure functions of the run, its report's incident and the moment."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from dataflows.contracts.incidents import IncidentCause, IncidentKind
from warehouse.causes import next_try_at
from warehouse.incidents import Failure, Incident, Stage
from warehouse.registry import Registration
from warehouse.runs import Run

FIRST_PROBE: Final = timedelta(minutes=15)  # what somebody must mend is not mended sooner
_EVER: Final = datetime.min.replace(tzinfo=UTC)


def new_incident(
    registration: Registration, run: Run, kind: IncidentKind, cause: IncidentCause, message: str, at: datetime
) -> Incident:
    """Return the incident that begins with a run; nobody is told as long as it is tried by itself."""
    return Incident(
        incident_id=str(uuid4()),
        correlation_id=run.correlation_id,
        data_flow_id=run.data_flow_id,
        property_id=run.property_id,
        display_name=registration.event.property.display_name,
        report=run.report,
        kind=kind,
        cause=cause,
        state=Stage.TRYING,
        run_id=run.run_id,
        start_date=run.start_date,
        end_date=run.end_date,
        since=run.ended_at or at,
        message=message,
        attempts=0,
        changed_at=at,
    )


def counted(failure: Failure, incident: Incident) -> Failure:
    """Return the failure with the tries before it: what a refresh has read again goes on counting where these ended."""
    if not failure.run.is_rereading:
        return failure
    return replace(failure, attempt=max(failure.attempt, incident.attempts))


def next_try(failure: Failure, incident: Incident, cause: IncidentCause, message: str, at: datetime) -> datetime | None:
    """Return when to try again by itself; None: no more, somebody is told, or was."""
    run = failure.run
    if run.is_rereading and (run.was_discarded or incident.state is not Stage.TRYING):
        return None  # read twice already: a third time would be read twice, too, and so on
    is_first_miss = failure.attempt == 0 and kind_of(run) is IncidentKind.RUN_MISSING
    return at if is_first_miss else next_try_at(cause, failure.attempt, message, at)


def opened(incident: Incident, changed: Incident, failure: Failure, at: datetime) -> Incident:
    """Return an incident, `changed` by a failure, as one that somebody has to mend, and is told of."""
    # While it is open its count stands still: with another it would be told as something new.
    attempts = incident.attempts if incident.state is Stage.OPEN else max(incident.attempts, failure.attempt)
    next_probe_at = max(incident.next_try_at or at, at + FIRST_PROBE)
    return replace(changed, state=Stage.OPEN, attempts=attempts, next_try_at=next_probe_at)


def widened(incident: Incident, run: Run) -> dict[str, Any]:
    """Return the days of an incident with those of a run."""
    return {
        "start_date": min(incident.start_date, run.start_date),
        "end_date": max(incident.end_date, run.end_date),
    }


def kind_of(run: Run) -> IncidentKind:
    """Return what happened: a run that AppFlow never began, although its flow was ready, is missing."""
    is_missing = run.is_scheduled and run.execution_id is None and run.appflow_flow_name is not None
    return IncidentKind.RUN_MISSING if is_missing else IncidentKind.RUN_FAILED


def is_planned(registration: Registration, run: Run) -> bool:
    """Whether the run's report is still one of the data flow's."""
    return any(flow.report == run.report for flow in registration.plan.flows)


def is_superseded(run: Run, history: Iterable[Run]) -> bool:
    """Whether a later run has failed at all its days: what is decided of that one is decided of this."""
    return any(
        _ending(other) > _ending(run) and not run.window.without(other.window)
        for other in history
        if other.status == run.status and other.ended_at
    )


def _ending(run: Run) -> tuple[datetime, datetime, bool, str]:
    """Return what failed runs are ordered by; a second reading comes after the first, even at the same moment."""
    return run.ended_at or _EVER, run.started_at or _EVER, run.is_rereading, run.run_id
