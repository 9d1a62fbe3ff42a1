"""What becomes of an incident: over, read again because its cause is gone or somebody asked, or left as it is."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow
from warehouse.appflow import ACTIVE, Flows
from warehouse.connector import Connector
from warehouse.days import left_of, merged
from warehouse.delivered_runs import REPAIRED_BY, SECOND_READING_BY
from warehouse.errors import SAVE_AGAIN
from warehouse.incidents import Incident, Incidents, Stage
from warehouse.loaded_days import days_loaded, days_to_unload
from warehouse.new_runs import BY_ITSELF, retry_of
from warehouse.registry import Registration, Registry
from warehouse.runs import Run, RunState

logger = Logger(child=True)

PERMANENT: Final = (IncidentCause.AUTHENTICATION, IncidentCause.PERMISSION, IncidentCause.SCHEMA)
_PROBED: Final = (IncidentCause.AUTHENTICATION, IncidentCause.PERMISSION)
_OURS: Final = (BY_ITSELF, REPAIRED_BY, SECOND_READING_BY)
_RUNS_AT_ONCE: Final = 12  # the newest days first; the others follow when these are loaded
_NEXT_PROBE: Final = timedelta(hours=8)  # what failed although the connection answered is tried three times a day


@dataclass(frozen=True)
class Outlook:
    """How it stands with an incident's days: those missing, the runs that may bring them, and what was last."""

    missing: tuple[DateWindow, ...]
    failed: tuple[Run, ...]
    under_way: tuple[Run, ...]
    has_worked_since: bool


@dataclass(frozen=True)
class Recovery:
    """Brings incidents to their end."""

    registry: Registry
    incidents: Incidents
    flows: Flows

    def settle(self, incident: Incident, at: datetime) -> None:
        """See what has become of an unresolved incident, and do what may be done by itself.

        Raises TransientError or TerminalError when AppFlow or Redshift can't be asked.
        """
        registration = self.registry.in_force(incident.data_flow_id)
        if registration is None:
            if self.registry.is_removed(incident.data_flow_id):
                self._resolve(incident, at)
        elif _flow_name(registration, incident.report) is None:
            self._resolve(incident, at)
        elif incident.kind is IncidentKind.DATA_LATE:
            if days_loaded(self.incidents.warehouse, incident.property_id, incident.report, incident.window):
                self._resolve(incident, at)
        else:
            self._settle(registration, incident, at)

    def retry(self, incident: Incident, requested_by: str, at: datetime) -> str:
        """Have an incident's days read again because somebody asks; return what is done, in words.

        Raises TerminalError with the reason when there is nothing to be retried. Asked many times it is done once.
        """
        registration = self.registry.in_force(incident.data_flow_id)
        if registration is None:
            raise TerminalError(
                "The data flow is not active: press Resume on its page, or Edit and Save if it failed.",
                reason="not_active",
            )
        if incident.state is Stage.RESOLVED:
            raise TerminalError("It is over: the days are loaded.", reason="resolved")
        if incident.kind is IncidentKind.DATA_LATE:
            raise TerminalError(
                "The rows have been read: their refresh is tried again every quarter of an hour.", reason="not_a_run"
            )
        outlook, is_down = self.outlook(incident), self._is_down(registration, incident)
        if outlook.under_way:
            return self._bring_forward(incident, outlook, requested_by, at)
        if not outlook.missing and not is_down:
            raise TerminalError("Nothing is missing any more: it is being loaded.", reason="not_missing")
        self._read_again(registration, incident, outlook, requested_by, at, is_down=is_down)
        return f"{_listed(outlook.missing)} of {incident.report} is read again."

    def outlook(self, incident: Incident) -> Outlook:
        """Return how it stands with an incident's days."""
        runs = self.incidents.runs_of(incident)
        failed = sorted((run for run in runs if run.status is RunState.FAILED and run.ended_at), key=_ended_at)
        since = _ended_at(failed[0]) if failed else incident.since
        history = self.incidents.runs.history(incident.property_id, incident.report, since)
        missing = merged(part for run in failed for part in still_missing(run, history))
        read = [run for run in history if run.has_read]
        return Outlook(
            missing=tuple(missing),
            failed=tuple(failed),
            under_way=tuple(run for run in history if _may_bring(run, missing)),
            has_worked_since=bool(failed) and any(_is_after(run, failed[-1]) for run in read),
        )

    def _settle(self, registration: Registration, incident: Incident, at: datetime) -> None:
        outlook, is_down = self.outlook(incident), self._is_down(registration, incident)
        if not outlook.missing and not is_down:
            if not days_to_unload(self.incidents.warehouse, incident.property_id, incident.report, incident.window):
                self._resolve(incident, at)
        elif outlook.under_way and not (is_down and self._answers_in_time(registration, incident, at)):
            self._note_request(registration, incident, outlook, at, is_down=is_down)
        elif self._is_cause_gone(registration, incident, outlook, at, is_down=is_down):
            self._read_again(registration, incident, outlook, BY_ITSELF, at, is_down=is_down)
        elif incident.state is Stage.RETRYING:
            self.incidents.change_from(incident, incident.changed(at, state=Stage.OPEN))

    def _resolve(self, incident: Incident, at: datetime) -> None:
        over = incident.changed(at, state=Stage.RESOLVED)
        if incident.state is Stage.TRYING:
            over = over.silenced(at)  # nobody was told that it had begun
        self.incidents.change_from(incident, over)

    def _note_request(
        self, registration: Registration, incident: Incident, outlook: Outlook, at: datetime, *, is_down: bool
    ) -> None:
        """Take a run that somebody asked for on the data flow's page as the retry that it is."""
        asked = [run for run in outlook.under_way if run.requested_by not in _OURS]
        if incident.state is not Stage.OPEN or not asked:
            return
        if is_down:
            self._reactivate(registration, incident)
        changes = {"run_id": asked[0].run_id, "requested_by": asked[0].requested_by, "attempts": incident.attempts + 1}
        self.incidents.change_from(incident, incident.changed(at, state=Stage.RETRYING, **changes), asked)

    def _bring_forward(self, incident: Incident, outlook: Outlook, requested_by: str, at: datetime) -> str:
        """Let a try that waits for its time begin now."""
        for run in outlook.under_way:
            if run.status is RunState.PENDING and run.due_at and run.due_at > at and run.requested_by == BY_ITSELF:
                self.incidents.runs.change(run, RunState.PENDING, due_at=at, requested_by=requested_by)
        if incident.state is not Stage.RETRYING:
            asked = incident.changed(at, state=Stage.RETRYING, requested_by=requested_by)
            self.incidents.change_from(incident, asked)
        return "It is being read again already."

    def _read_again(
        self,
        registration: Registration,
        incident: Incident,
        outlook: Outlook,
        requested_by: str,
        at: datetime,
        *,
        is_down: bool,
    ) -> None:
        if is_down:
            self._reactivate(registration, incident)
        attempt = incident.attempts + 1
        due_at = max((run.due_at for run in outlook.failed if run.due_at and run.due_at > at), default=None)
        wanted = left_of(outlook.missing, (run.window for run in outlook.under_way))
        chunks = [chunk for window in wanted for chunk in window.chunks()][-_RUNS_AT_ONCE:]
        retries = [retry_of(outlook.failed[-1], chunk, attempt, requested_by, due_at) for chunk in chunks]
        state = Stage.TRYING if incident.state is Stage.TRYING else Stage.RETRYING
        person = None if requested_by == BY_ITSELF else requested_by
        changed = incident.changed(
            at,
            state=state,
            attempts=attempt,
            requested_by=person,
            next_try_at=at + _NEXT_PROBE,
            **({"run_id": retries[0].run_id} if retries else {}),
        )
        self.incidents.change_from(incident, changed, retries)
        logger.info("read again", extra={**incident.log_keys, "days": _listed(outlook.missing), "by": requested_by})

    def _is_cause_gone(
        self, registration: Registration, incident: Incident, outlook: Outlook, at: datetime, *, is_down: bool
    ) -> bool:
        if outlook.has_worked_since and not is_down:
            return True
        if incident.state is Stage.TRYING:
            return True  # its next try is gone, or brought a part only
        return (is_down or incident.cause in _PROBED) and self._answers_in_time(registration, incident, at)

    def _answers_in_time(self, registration: Registration, incident: Incident, at: datetime) -> bool:
        """Whether the connection answers, if it is time to ask."""
        is_time = incident.next_try_at is None or at >= incident.next_try_at
        return is_time and self._answers(registration)

    def _answers(self, registration: Registration) -> bool:
        """Whether the connection shows the property and its fields: what a flow needs before it can work again."""
        event = registration.event
        try:
            Connector(self.flows.client, event.connector_profile).probe(event)
        except (TerminalError, TransientError) as error:
            logger.info("the connection does not answer yet", extra={"error": str(error)})
            return False
        return True

    def _is_down(self, registration: Registration, incident: Incident) -> bool:
        if incident.kind is not IncidentKind.FLOW_DEACTIVATED:
            return False
        name = _flow_name(registration, incident.report) or ""
        flow = self.flows.describe(name)
        if flow is None:
            raise TerminalError(f"The flow {name} is gone from AppFlow: {SAVE_AGAIN}.", reason="flow_gone")
        return bool(flow["flowStatus"] != ACTIVE)

    def _reactivate(self, registration: Registration, incident: Incident) -> None:
        self.flows.start(_flow_name(registration, incident.report) or "", uuid4().hex)


def still_missing(failed: Run, history: Iterable[Run]) -> list[DateWindow]:
    """Return the days of a failed run that no run of its report has read since."""
    return left_of([failed.window], (run.window for run in history if run.has_read and _is_after(run, failed)))


def _is_after(run: Run, failed: Run) -> bool:
    """Whether a run ended after another one; one that began when that ended may end at the same moment."""
    ended_at = _ended_at(failed)
    return _ended_at(run) > ended_at or (run.started_at is not None and run.started_at >= ended_at)


def _may_bring(run: Run, missing: Iterable[DateWindow]) -> bool:
    """Whether a run is under way that reads some of the days; the daily runs do so in any case."""
    wanted = list(missing)
    return run.is_under_way and not run.is_scheduled and left_of(wanted, [run.window]) != wanted


def _ended_at(run: Run) -> datetime:
    if run.ended_at is None:
        raise ValueError(f"the run {run.run_id} has not ended")
    return run.ended_at


def _flow_name(registration: Registration, report: str) -> str | None:
    return next((flow.appflow_flow_name for flow in registration.plan.flows if flow.report == report), None)


def _listed(windows: Iterable[DateWindow]) -> str:
    return ", ".join(f"{window.start_date} to {window.end_date}" for window in windows) or "No day"
