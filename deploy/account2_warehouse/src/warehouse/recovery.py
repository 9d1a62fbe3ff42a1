"""What becomes of an incident: over, read again because its cause is gone or somebody asked, or left as it is."""

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from uuid import uuid4

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow
from warehouse.answers import Answers, flow_activated
from warehouse.appflow import ACTIVE, Flows
from warehouse.causes import remedy_of
from warehouse.days import left_of
from warehouse.differing_days import with_differing_days
from warehouse.errors import try_each
from warehouse.incidents import Incident, Incidents, Stage
from warehouse.loaded_days import days_loaded, days_to_unload
from warehouse.new_runs import retry_of
from warehouse.ops import Value
from warehouse.outlook import Outlook, outlooks
from warehouse.probes import Probes
from warehouse.registry import Registration, Registry
from warehouse.runs import RunKind, RunState, cut_name

logger = Logger(child=True)

PERMANENT: Final = (IncidentCause.AUTHENTICATION, IncidentCause.PERMISSION, IncidentCause.SCHEMA)
_PROBED: Final = (IncidentCause.AUTHENTICATION, IncidentCause.PERMISSION)
_RUNS_AT_ONCE: Final = 12  # the newest days first; the others follow when these are loaded
_NEXT_PROBE: Final = timedelta(hours=8)  # what failed although the connection answered is tried three times a day


@dataclass(frozen=True)
class _Case:
    """An unresolved incident of a report in force; `is_down`: AppFlow does not run its flow any more."""

    registration: Registration
    flow_name: str
    incident: Incident
    outlook: Outlook
    is_down: bool


@dataclass(frozen=True)
class Recovery:
    """Brings incidents to their end."""

    answers: Answers
    registry: Registry
    incidents: Incidents
    flows: Flows

    def settle(
        self,
        unresolved: Iterable[Incident],
        in_force: dict[str, Registration],
        at: datetime,
        is_enough: Callable[[], bool],
    ) -> None:
        """See what has become of incidents, and do what may be done by itself, until it `is_enough`.

        `in_force` are the data flows that run, by id. What fails holds up nothing else; then TransientError is raised.
        """
        known = list(unresolved)
        random.shuffle(known)
        outlook_of, probes = outlooks(self.incidents.warehouse, known), Probes(self.flows)
        has_stopped = any(incident.kind is IncidentKind.FLOW_DEACTIVATED for incident in known)
        listed = self.flows.listed() if has_stopped else ()
        running = {flow.name for flow in listed if flow.is_active or flow.stopped_at}  # or about to, when it is changed

        def settle_one(incident: Incident) -> None:
            registration = in_force.get(incident.data_flow_id)
            flow_name = _flow_name(registration, incident.report) if registration else None
            if registration is None or flow_name is None:
                self._let_go(incident, at, is_in_force=registration is not None)
                return
            is_down = incident.kind is IncidentKind.FLOW_DEACTIVATED and flow_name not in running
            outlook = outlook_of[incident.incident_id]
            outlook = with_differing_days(self.incidents.warehouse, registration, incident, outlook)
            case = _Case(registration, flow_name, incident, outlook, is_down)
            self._settle(case, probes, at)

        try_each(known, settle_one, is_enough)

    def retry(self, incident: Incident, requested_by: str, at: datetime) -> str | None:
        """Have an incident's days read again because somebody asks; return what is done, in words.

        None: the incident has changed meanwhile, look at it again. Raises TerminalError with the reason when there is
        nothing to be retried. Asked many times it is done once.
        """
        case, name = self._case_to_retry(incident), cut_name(requested_by)
        outlook = case.outlook
        self._bring_forward(case, name, at)
        if outlook.under_way and not left_of(outlook.missing, (run.window for run in outlook.under_way)):
            return "It is being read again already." if self._note_retry(case, name, at) else None
        if not outlook.missing and not case.is_down:
            raise TerminalError("Nothing is missing any more: it is being loaded.", reason="not_missing")
        is_asked = self._read_again(case, name, at)
        return f"{_listed(outlook.missing)} of {incident.report} is read again." if is_asked else None

    def _case_to_retry(self, incident: Incident) -> _Case:
        registration = self.registry.in_force(incident.data_flow_id)
        flow_name = _flow_name(registration, incident.report) if registration else None
        if registration is None or flow_name is None:
            words = "The data flow is not active, or lacks the report: press Resume on its page, or Edit and Save."
            raise TerminalError(words, reason="not_active")
        if incident.state is Stage.RESOLVED:
            raise TerminalError("It is over: the days are loaded.", reason="resolved")
        if incident.kind is IncidentKind.DATA_LATE:
            words = f"No run has failed that could be made again. {remedy_of(incident.kind, incident.cause)}"
            raise TerminalError(words, reason="not_a_run")
        flow = self.flows.describe(flow_name) if incident.kind is IncidentKind.FLOW_DEACTIVATED else None
        is_down = flow is not None and flow["flowStatus"] != ACTIVE
        outlook = outlooks(self.incidents.warehouse, [incident])[incident.incident_id]
        outlook = with_differing_days(self.incidents.warehouse, registration, incident, outlook)
        return _Case(registration, flow_name, incident, outlook, is_down)

    def _let_go(self, incident: Incident, at: datetime, *, is_in_force: bool) -> None:
        """End an incident whose report is asked for no more; that of a paused data flow waits."""
        if is_in_force or self.registry.is_removed(incident.data_flow_id):
            self._resolve(incident, at)

    def _settle(self, case: _Case, probes: Probes, at: datetime) -> None:
        if case.incident.kind is IncidentKind.COUNTS_DIFFER:  # over with a comparison: reconciling.py
            self._note_request(case, at)
        elif case.incident.kind is IncidentKind.DATA_LATE or not (case.outlook.missing or case.is_down):
            if self._is_loaded(case.incident):
                self._resolve(case.incident, at)
        elif case.outlook.under_way and not (case.is_down and self._answers(case, probes, at)):
            self._note_request(case, at)
        elif case.outlook.is_undecided(at):
            return  # what follows from its last failure is remediation's to say, and may have its time
        elif self._is_cause_gone(case, probes, at):
            self._read_again(case, None, at)
        elif case.incident.state is Stage.RETRYING:
            self.incidents.change(case.incident, case.incident.changed(at, state=Stage.OPEN))

    def _is_loaded(self, incident: Incident) -> bool:
        days = (self.incidents.warehouse, incident.property_id, incident.report, incident.window)
        return days_loaded(*days) if incident.kind is IncidentKind.DATA_LATE else not days_to_unload(*days)

    def _resolve(self, incident: Incident, at: datetime) -> None:
        over = incident.changed(at, state=Stage.RESOLVED)
        if incident.state is Stage.TRYING:
            over = over.silenced(at)  # nobody was told that it had begun
        self.incidents.change(incident, over)

    def _note_request(self, case: _Case, at: datetime) -> None:
        """Take a run that somebody asked for on the data flow's page as the retry that it is."""
        asked = [run for run in case.outlook.under_way if run.is_asked_for]
        if case.incident.state is not Stage.OPEN or not asked:
            return
        self._reactivate(case, asked[0].requested_by, at)
        attempts, requested_by = case.incident.attempts + 1, asked[0].requested_by
        changes = {"run_id": asked[0].run_id, "requested_by": requested_by, "attempts": attempts}
        changed = case.incident.changed(at, state=Stage.RETRYING, **changes)
        self.incidents.change(case.incident, changed, runs=asked)

    def _bring_forward(self, case: _Case, requested_by: str, at: datetime) -> None:
        """Let tries that wait for their time begin now."""
        asked: dict[str, Value] = {"due_at": at, "kind": RunKind.REQUESTED, "requested_by": requested_by}
        for run in case.outlook.under_way:
            if run.kind is RunKind.REMEDY and run.status is RunState.PENDING and run.due_at and run.due_at > at:
                self.incidents.runs.change(run, RunState.PENDING, **asked)

    def _note_retry(self, case: _Case, requested_by: str, at: datetime) -> bool:
        """Note that somebody asked for what is under way; return whether the incident was as it is taken to be."""
        self._reactivate(case, requested_by, at)
        if case.incident.state is Stage.RETRYING:
            return True
        # With the number of tries it had, it would be told as what was told before: as nothing new.
        changes = {"requested_by": requested_by, "attempts": case.incident.attempts + 1}
        return self.incidents.change(case.incident, case.incident.changed(at, state=Stage.RETRYING, **changes))

    def _read_again(self, case: _Case, requested_by: str | None, at: datetime) -> bool:
        self._reactivate(case, requested_by, at)
        incident, outlook, attempt = case.incident, case.outlook, case.incident.attempts + 1
        due_at = max((run.due_at for run in outlook.failed if run.due_at and run.due_at > at), default=None)
        wanted = left_of(outlook.missing, (run.window for run in outlook.under_way))
        chunks = [chunk for window in wanted for chunk in window.chunks()][-_RUNS_AT_ONCE:]
        retries = [retry_of(outlook.failed[-1], chunk, attempt, due_at, requested_by) for chunk in chunks]
        changed = incident.changed(
            at,
            state=Stage.TRYING if incident.state is Stage.TRYING else Stage.RETRYING,
            attempts=attempt,
            requested_by=requested_by,
            next_try_at=at + _NEXT_PROBE,
            run_id=retries[0].run_id if retries else incident.run_id,
        )
        is_asked = self.incidents.change(incident, changed, runs=retries)
        if is_asked:
            logger.info("read again", extra={**incident.log_keys, "days": _listed(wanted), "by": requested_by})
        return is_asked

    def _is_cause_gone(self, case: _Case, probes: Probes, at: datetime) -> bool:
        if case.incident.state is Stage.TRYING:
            return True  # its next try is gone, or brought a part only
        if case.outlook.has_helped_since and not case.is_down:
            return True  # what was asked for was a part
        if case.outlook.has_worked_since and not case.is_down:
            return case.incident.may_be_tried(at)  # that other days are read does not say that these can be
        return (case.is_down or case.incident.cause in _PROBED) and self._answers(case, probes, at)

    def _answers(self, case: _Case, probes: Probes, at: datetime) -> bool:
        """Whether the connection answers, if it is time to ask."""
        return case.incident.may_be_tried(at) and probes.answers(case.registration)

    def _reactivate(self, case: _Case, requested_by: str | None, at: datetime) -> None:
        """Activate a flow that AppFlow has deactivated, and tell it: first, since it is not looked at again after."""
        if case.is_down:
            self.answers.put([flow_activated(case.incident, case.flow_name, requested_by, at)])
            self.flows.start(case.flow_name, uuid4().hex)


def _flow_name(registration: Registration, report: str) -> str | None:
    return next((flow.appflow_flow_name for flow in registration.plan.flows if flow.report == report), None)


def _listed(windows: Iterable[DateWindow]) -> str:
    return ", ".join(f"{window.start_date} to {window.end_date}" for window in windows) or "No day"
