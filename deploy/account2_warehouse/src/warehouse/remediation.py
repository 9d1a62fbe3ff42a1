"""Decides what becomes of failed runs: tried again by itself, or an incident that somebody is told of.

Everything is decided from `ga4_ops` as it stands, so it may be asked for at any time and again after a crash:
each failed run is decided of once, each incident ends when the days that it misses are loaded, whoever had them read.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from aws_lambda_powertools import Logger

from dataflows.contracts.events import Station
from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow, PlannedFlow
from warehouse.answers import Answers, incident_changed
from warehouse.causes import cause_of, next_try_at
from warehouse.days import left_of
from warehouse.errors import try_each
from warehouse.incidents import UNRESOLVED, Failure, Incident, Incidents, Stage
from warehouse.new_runs import BY_ITSELF, gap_runs, retry_of
from warehouse.outlook import still_missing
from warehouse.recovery import PERMANENT, Recovery
from warehouse.registry import Registration, Registry
from warehouse.runs import Run, cut_message

logger = Logger(child=True)

_DECIDED_AT_ONCE: Final = 100  # some statements each: the next look, a quarter of an hour later at most, goes on
_TOLD_AT_ONCE: Final = 10
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_REACTIVATION_WAIT: Final = timedelta(minutes=30)
_FIRST_PROBE: Final = timedelta(minutes=15)  # what somebody must mend is not mended sooner


@dataclass(frozen=True)
class Remediation:
    """Remedies the failures of the data flows in force."""

    answers: Answers
    registry: Registry
    incidents: Incidents
    recovery: Recovery

    def look(self, at: datetime, data_flow_id: str | None = None) -> None:
        """Decide what is undecided, of one data flow or of all, see whether incidents are over, and tell the news.

        What fails holds up nothing else; then TransientError is raised at the end.
        """
        parts = (self._decide_all, self._settle_all, self._tell_all)
        try_each(parts, lambda part: part(at, data_flow_id))

    def tell(self, at: datetime) -> None:
        """Tell what has changed; told twice, it has the same event id. Raises TransientError when it was not taken."""
        untold = self.incidents.untold()
        for first in range(0, len(untold), _TOLD_AT_ONCE):
            news = untold[first : first + _TOLD_AT_ONCE]
            self.answers.put([incident_changed(incident) for incident in news])
            self.incidents.told(news, at)
            for incident in news:
                logger.info(incident.state, extra={"station": Station.INGEST.value, **incident.log_keys})

    def deactivated(self, registration: Registration, flow_name: str, reason: str, at: datetime) -> None:
        """Note that a scheduled flow of a data flow in force does not run any more, unless that is known."""
        report = next(flow.report for flow in registration.plan.flows if flow.appflow_flow_name == flow_name)
        known = self._unresolved(str(registration.event.data_flow_id), report)
        run = self._affected_run(flow_name)
        if run is None or (known and known.kind is IncidentKind.FLOW_DEACTIVATED):
            return
        cause, kind = cause_of(reason), IncidentKind.FLOW_DEACTIVATED
        message = cut_message(f"AppFlow has deactivated the flow {flow_name}: {reason or 'it gave no reason.'}")
        incident = known or _new_incident(registration, run, kind, cause, message, at)
        try_at = at + (_FIRST_PROBE if cause in PERMANENT else _REACTIVATION_WAIT)
        changes = {"kind": kind, "cause": cause, "message": message, "next_try_at": try_at}
        self.incidents.record(incident.changed(at, state=Stage.OPEN, **changes), at)

    def late(
        self, registration: Registration, flow: PlannedFlow, window: DateWindow, landed: Run | None, at: datetime
    ) -> None:
        """Note that days of a report are not loaded in time; `landed` is the run whose rows wait, if one does."""
        (run, *_) = [landed] if landed else gap_runs(registration.event, flow, window)
        waits = f"The rows up to {window.end_date} have been read, but are not loaded." if landed else None
        message = waits or f"The rows up to {window.end_date} are not there, and no run has failed."
        cause = IncidentCause.WAREHOUSE if landed else IncidentCause.UNKNOWN
        late = _new_incident(registration, run, IncidentKind.DATA_LATE, cause, message, at)
        days = {"start_date": window.start_date, "end_date": window.end_date, "run_id": None, "since": at}
        self.incidents.record(late.changed(at, state=Stage.OPEN, **days), at)

    def _tell_all(self, at: datetime, _data_flow_id: str | None) -> None:
        self.tell(at)

    def _decide_all(self, at: datetime, data_flow_id: str | None) -> None:
        if failures := self.incidents.failures(at, data_flow_id):
            in_force = self._in_force(data_flow_id)
            known = [failure for failure in failures if failure.run.data_flow_id in in_force][:_DECIDED_AT_ONCE]
            try_each(known, lambda failure: self._decide(in_force[failure.run.data_flow_id], failure, at))

    def _settle_all(self, at: datetime, data_flow_id: str | None) -> None:
        of_one = {} if data_flow_id is None else {"data_flow_id": data_flow_id}
        if unresolved := self.incidents.find(state=UNRESOLVED, **of_one):
            self.recovery.settle(unresolved, self._in_force(data_flow_id), at)

    def _in_force(self, data_flow_id: str | None) -> dict[str, Registration]:
        of_one = self.registry.in_force(data_flow_id) if data_flow_id else None
        found = self.registry.all_in_force() if data_flow_id is None else [of_one] if of_one else []
        return {str(registration.event.data_flow_id): registration for registration in found}

    def _decide(self, registration: Registration, failure: Failure, at: datetime) -> None:
        run = failure.run
        history = self.incidents.runs.history(run.property_id, run.report, run.ended_at or at)
        missing = still_missing(run, history)
        under_way = (other.window for other in history if other.is_under_way and not other.is_scheduled)
        if not missing or not _is_planned(registration, run) or _is_superseded(run, history):
            self.incidents.dismiss(run, at)
        elif left_of(missing, under_way):  # else it is decided when those have ended
            self._respond(registration, failure, at)

    def _respond(self, registration: Registration, failure: Failure, at: datetime) -> None:
        run = failure.run
        message = cut_message(run.message or "AppFlow gave no reason.")
        kind, cause = _kind_of(run), cause_of(message)
        known = self._unresolved(run.data_flow_id, run.report)
        incident = known or _new_incident(registration, run, kind, cause, message, at)
        if incident.kind is IncidentKind.FLOW_DEACTIVATED:
            if kind is IncidentKind.RUN_MISSING and incident.state is Stage.OPEN:  # read when the flow runs again
                self.incidents.record(incident.changed(at, **_widened(incident, run)), at, failed=failure)
                return
            kind = incident.kind
        changes = {"kind": kind, "cause": cause, "message": message, "run_id": run.run_id, **_widened(incident, run)}
        wait_until = at if _is_first_miss(failure) else next_try_at(cause, failure.attempt, message, at)
        if wait_until is None:
            self._open(incident.changed(at, **changes), failure, at)
        else:
            self._try_again(incident.changed(at, **changes), failure, max(wait_until, run.due_at or at), at)

    def _open(self, incident: Incident, failure: Failure, at: datetime) -> None:
        # While it is open its count stands still: with another it would be told as something new.
        attempts = incident.attempts if incident.state is Stage.OPEN else max(incident.attempts, failure.attempt)
        next_probe_at = max(incident.next_try_at or at, at + _FIRST_PROBE)
        opened = incident.changed(at, state=Stage.OPEN, attempts=attempts, next_try_at=next_probe_at)
        self.incidents.record(opened, at, failed=failure)

    def _try_again(self, incident: Incident, failure: Failure, due_at: datetime, at: datetime) -> None:
        attempt = failure.attempt + 1
        retry = retry_of(failure.run, failure.run.window, attempt, BY_ITSELF, due_at)
        attempts = max(incident.attempts, attempt) if incident.state is Stage.TRYING else incident.attempts
        self.incidents.record(incident.changed(at, attempts=attempts), at, failed=failure, retry=retry)
        logger.info("is tried again", extra={**retry.log_keys, "attempt": attempt, "due_at": due_at.isoformat()})

    def _unresolved(self, data_flow_id: str, report: str) -> Incident | None:
        return next(iter(self.incidents.find(data_flow_id=data_flow_id, report=report, state=UNRESOLVED)), None)

    def _affected_run(self, flow_name: str) -> Run | None:
        """Return the last run of a flow that ended, else the one that will not begin at its hour."""
        runs = self.incidents.runs.find(appflow_flow_name=flow_name)
        return max(runs, key=lambda run: (run.ended_at is not None, run.ended_at or run.due_at or _EVER), default=None)


def _new_incident(
    registration: Registration, run: Run, kind: IncidentKind, cause: IncidentCause, message: str, at: datetime
) -> Incident:
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


def _widened(incident: Incident, run: Run) -> dict[str, Any]:
    return {
        "start_date": min(incident.start_date, run.start_date),
        "end_date": max(incident.end_date, run.end_date),
    }


def _kind_of(run: Run) -> IncidentKind:
    """Return what happened: a run that AppFlow never began, although its flow was ready, is missing."""
    is_missing = run.is_scheduled and run.execution_id is None and run.appflow_flow_name is not None
    return IncidentKind.RUN_MISSING if is_missing else IncidentKind.RUN_FAILED


def _is_first_miss(failure: Failure) -> bool:
    return failure.attempt == 0 and _kind_of(failure.run) is IncidentKind.RUN_MISSING


def _is_planned(registration: Registration, run: Run) -> bool:
    return any(flow.report == run.report for flow in registration.plan.flows)


def _is_superseded(run: Run, history: Iterable[Run]) -> bool:
    """Whether a later run has failed at all its days: what is decided of that one is decided of this."""
    return any(
        (other.ended_at, other.run_id) > (run.ended_at, run.run_id) and not run.window.without(other.window)
        for other in history
        if other.status == run.status and other.ended_at and run.ended_at
    )
