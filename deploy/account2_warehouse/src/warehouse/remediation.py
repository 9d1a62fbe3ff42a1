"""Decides what becomes of failed runs: tried again by itself, or an incident that somebody is told of.

Everything is decided from `ga4_ops` as it stands, so it may be asked for at any time and again after a crash:
each failed run is decided of once, each incident ends when the days that it misses are loaded, whoever had them read.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TransientError
from dataflows.contracts.events import Station
from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow
from warehouse.answers import Answers, incident_changed
from warehouse.causes import cause_of
from warehouse.days import left_of
from warehouse.deadline import Deadline
from warehouse.decisions import (
    FIRST_PROBE,
    counted,
    is_planned,
    is_superseded,
    kind_of,
    new_incident,
    next_try,
    opened,
    widened,
)
from warehouse.errors import try_each
from warehouse.incidents import UNRESOLVED, Failure, Incident, Incidents, Stage
from warehouse.lateness import Lateness
from warehouse.new_runs import retry_of
from warehouse.outlook import still_missing
from warehouse.recovery import PERMANENT, Recovery
from warehouse.registry import Registration, Registry
from warehouse.runs import Run, cut_message

logger = Logger(child=True)

_TIMES: Final = 5  # that a change is tried while others change the same incident
_TOLD_AT_ONCE: Final = 10
_EVER: Final = datetime.min.replace(tzinfo=UTC)
_REACTIVATION_WAIT: Final = timedelta(minutes=30)


@dataclass(frozen=True)
class Remediation:
    """Remedies the failures of the data flows in force."""

    answers: Answers
    registry: Registry
    incidents: Incidents
    recovery: Recovery
    deadline: Deadline

    def look(self, at: datetime, data_flow_id: str | None = None) -> None:
        """Decide what is undecided, of one data flow or of all, see whether incidents are over, and tell the news.

        What fails holds up nothing else; then TransientError is raised at the end. What there is no time for is left
        to the next sweep.
        """
        parts = (self._decide_all, self._settle_all, self._tell_all)
        try_each(parts, lambda part: part(at, data_flow_id))

    def tell(self, at: datetime) -> None:
        """Tell what has changed; told twice, it has the same event id. Raises TransientError when it was not taken."""
        untold = self.incidents.untold()
        for first in range(0, len(untold), _TOLD_AT_ONCE):
            if self.deadline.is_here():
                return  # the next look goes on
            news = untold[first : first + _TOLD_AT_ONCE]
            self.answers.put([incident_changed(incident) for incident in news])
            self.incidents.told(news, at)
            for incident in news:
                logger.info(incident.state, extra={"station": Station.INGEST.value, **incident.log_keys})

    def deactivated(self, registration: Registration, flow_name: str, reason: str, at: datetime) -> None:
        """Note that a scheduled flow of a data flow in force does not run any more, unless that is known."""
        run = self._affected_run(flow_name)
        if run is None:
            return
        cause, kind = cause_of(reason), IncidentKind.FLOW_DEACTIVATED
        message = cut_message(f"AppFlow has deactivated the flow {flow_name}: {reason or 'it gave no reason.'}")
        try_at = at + (FIRST_PROBE if cause in PERMANENT else _REACTIVATION_WAIT)
        changes = {"kind": kind, "cause": cause, "message": message, "next_try_at": try_at}

        def note(known: Incident | None) -> bool:
            if known and known.kind is IncidentKind.FLOW_DEACTIVATED:
                return True
            incident = known or new_incident(registration, run, kind, cause, message, at)
            if cause is IncidentCause.WAREHOUSE and incident.state is Stage.TRYING:
                # It answers again, or this could not be noted: that it was away was told, or did not last.
                return self.incidents.change(known, incident.changed(at, **{**changes, "next_try_at": at}))
            return self.incidents.change(known, incident.changed(at, state=Stage.OPEN, **changes))

        self._change(run, note)

    def late(self, registration: Registration, run: Run, days: DateWindow, lateness: Lateness, at: datetime) -> None:
        """Note that days of a report are not loaded in time; `run` is the one that reads them, or would have to."""
        message, cause = lateness.message(days.end_date), lateness.cause
        late = new_incident(registration, run, IncidentKind.DATA_LATE, cause, message, at)
        window = {"start_date": days.start_date, "end_date": days.end_date, "run_id": None, "since": at}
        news = late.changed(at, state=Stage.OPEN, **window)
        self._change(run, lambda known: known is not None or self.incidents.change(None, news))

    def _tell_all(self, at: datetime, _data_flow_id: str | None) -> None:
        self.tell(at)

    def _decide_all(self, at: datetime, data_flow_id: str | None) -> None:
        if failures := self.incidents.failures(at, data_flow_id):
            in_force = self._in_force(data_flow_id)
            known = [failure for failure in failures if failure.run.data_flow_id in in_force]
            try_each(known, lambda one: self._decide(in_force[one.run.data_flow_id], one, at), self.deadline.is_near)

    def _settle_all(self, at: datetime, data_flow_id: str | None) -> None:
        of_one = {} if data_flow_id is None else {"data_flow_id": data_flow_id}
        if unresolved := self.incidents.find(state=UNRESOLVED, **of_one):
            self.recovery.settle(unresolved, self._in_force(data_flow_id), at, self.deadline.is_near)

    def _in_force(self, data_flow_id: str | None) -> dict[str, Registration]:
        of_one = self.registry.in_force(data_flow_id) if data_flow_id else None
        found = self.registry.all_in_force() if data_flow_id is None else [of_one] if of_one else []
        return {str(registration.event.data_flow_id): registration for registration in found}

    def _decide(self, registration: Registration, failure: Failure, at: datetime) -> None:
        run = failure.run
        history = self.incidents.runs.history(run.property_id, run.report, run.ended_at or at)
        missing = still_missing(run, history)
        under_way = (other.window for other in history if other.is_under_way and not other.is_scheduled)
        if not missing or not is_planned(registration, run) or is_superseded(run, history):
            self.incidents.dismiss(run, at)
        elif left_of(missing, under_way):  # else it is decided when those have ended
            self._change(
                run,
                lambda known: self._respond(registration, failure, known, at) or self.incidents.is_decided(run),
            )

    def _respond(self, registration: Registration, failure: Failure, known: Incident | None, at: datetime) -> bool:
        """Write down what follows from a failure; return False when that was seen too late."""
        run = failure.run
        message = cut_message(run.message or "AppFlow gave no reason.")
        kind, cause = kind_of(run), cause_of(message)
        incident = known or new_incident(registration, run, kind, cause, message, at)
        days = widened(incident, run)
        if incident.kind is IncidentKind.FLOW_DEACTIVATED:
            if kind is IncidentKind.RUN_MISSING and incident.state is Stage.OPEN:  # read when the flow runs again
                return self.incidents.change(known, incident.changed(at, **days), failure=failure)
            kind = incident.kind
        changed = incident.changed(at, kind=kind, cause=cause, message=message, run_id=run.run_id, **days)
        failure = counted(failure, incident)
        wait_until = next_try(failure, incident, cause, message, at)
        if wait_until is None:
            return self.incidents.change(known, opened(incident, changed, failure, at), failure=failure)
        if incident.kind is IncidentKind.COUNTS_DIFFER:  # which a run that fails once has nothing to do with
            changed = replace(incident.changed(at), told_at=incident.told_at)
        return self._try_again(known, changed, failure, max(wait_until, run.due_at or at))

    def _try_again(self, known: Incident | None, incident: Incident, failure: Failure, due_at: datetime) -> bool:
        attempt = failure.attempt + 1
        retry = retry_of(failure.run, failure.run.window, attempt, due_at)
        attempts = max(incident.attempts, attempt) if incident.state is Stage.TRYING else incident.attempts
        is_noted = self.incidents.change(known, replace(incident, attempts=attempts), failure=failure, runs=[retry])
        if is_noted:
            logger.info("is tried again", extra={**retry.log_keys, "attempt": attempt, "due_at": due_at.isoformat()})
        return is_noted

    def _change(self, run: Run, change: Callable[[Incident | None], bool]) -> None:
        """Let `change` have the unresolved incident of a run's report, anew while somebody else changes it."""
        for _ in range(_TIMES):
            if change(self._unresolved(run.data_flow_id, run.report)):
                return
        raise TransientError(f"The incident of {run.report} is changed by others all the time")

    def _unresolved(self, data_flow_id: str, report: str) -> Incident | None:
        return next(iter(self.incidents.find(data_flow_id=data_flow_id, report=report, state=UNRESOLVED)), None)

    def _affected_run(self, flow_name: str) -> Run | None:
        """Return the last run of a flow that ended, else the one that will not begin at its hour."""
        runs = self.incidents.runs.find(appflow_flow_name=flow_name)
        return max(runs, key=lambda run: (run.ended_at is not None, run.ended_at or run.due_at or _EVER), default=None)
