"""Starts the runs that wait: each as a short-lived OnDemand flow, as many at once as a data flow may have.

Two runs of one report of one property never overlap: rows of both in one landing table could not be
told apart. So a run is started only when the one before has been refreshed.
"""

import random
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import RunStatus
from dataflows.contracts.plan import PlannedFlow
from warehouse.answers import Answers, run_reported
from warehouse.appflow import Flows
from warehouse.config import WatchConfig
from warehouse.connector import Connector
from warehouse.deadline import Deadline
from warehouse.definitions import Source, on_demand
from warehouse.errors import try_each
from warehouse.registry import Registration, Registry
from warehouse.runs import Run, RunKind, Runs, RunState

logger = Logger(child=True)

_UNFINISHED = (RunState.PENDING, RunState.STARTED, RunState.SUCCEEDED)


@dataclass(frozen=True)
class Starter:
    """Starts pending runs of the data flows in force."""

    config: WatchConfig
    answers: Answers
    registry: Registry
    runs: Runs
    flows: Flows
    deadline: Deadline

    def start_all(self, at: datetime) -> None:
        """Start what may be started of every data flow; raises TransientError when some of it failed for now.

        What there is no time for is left to the next sweep.
        """
        in_force = self.registry.all_in_force()
        random.shuffle(in_force)
        try_each(in_force, lambda registration: self._start(registration, at), self.deadline.is_here)

    def start(self, data_flow_id: str, at: datetime) -> None:
        """Start what may be started of one data flow; raises TransientError when that failed for now."""
        if registration := self.registry.in_force(data_flow_id):
            self._start(registration, at)

    def _start(self, registration: Registration, at: datetime) -> None:
        property_id = registration.event.property.property_id
        unfinished = self.runs.find(property_id=property_id, status=_UNFINISHED, consumed_at=None)
        for run in unfinished:
            if run.status is RunState.STARTED and not run.is_scheduled and run.execution_id is None:
                self._launch(registration, run, at)  # claimed by one that stopped before it came to this
        for run in _next(unfinished, self.config.max_concurrent_runs, at):
            if claimed := self._claim(run, at):
                self._launch(registration, claimed, at)

    def _claim(self, run: Run, at: datetime) -> Run | None:
        """Mark a run as started, unless another function has started one of the same report meanwhile."""
        name = run.on_demand_flow_name
        if not self.runs.claim(run, appflow_flow_name=name, started_at=at):
            return None
        return replace(run, status=RunState.STARTED, appflow_flow_name=name, started_at=at)

    def _launch(self, registration: Registration, run: Run, at: datetime) -> None:
        try:
            started = replace(run, execution_id=self._execute(registration, run))
        except TerminalError as error:
            self._give_up(run, error, at)
            return
        self.runs.change(run, RunState.STARTED, execution_id=started.execution_id)
        self.answers.put([run_reported(started, RunStatus.STARTED, at, message=self._why(run))])
        logger.info("started", extra=started.log_keys)

    def _execute(self, registration: Registration, run: Run) -> str | None:
        """Make the run's flow and start it; what of that was done already is not done again."""
        flow, event = _planned(registration, run), registration.event
        entity = Connector(self.flows.client, event.connector_profile).core_report(run.property_id)
        source = Source(event.connector_profile, entity)
        name = run.on_demand_flow_name
        is_new = self.flows.create(on_demand(self.config, flow, source, run.window, name), run.run_id)
        earlier = None if is_new else next(self.flows.executions(name), None)
        return earlier.execution_id if earlier else self.flows.start(name, run.run_id)

    def _why(self, run: Run) -> str:
        """Return for the timeline why a run is made, and which attempt at its days it is."""
        if run.kind not in (RunKind.REMEDY, RunKind.REQUESTED):
            return ""
        attempt = self.runs.attempt_of(run)
        if run.kind is RunKind.REMEDY:
            return (
                f"Tried again by itself, attempt {attempt}" if attempt else "Read by itself: no run had read these days"
            )
        return f"Asked for by {run.requested_by}" + (f", attempt {attempt}" if attempt else "")

    def _give_up(self, run: Run, error: TerminalError, at: datetime) -> None:
        self.runs.change(run, RunState.STARTED, status=RunState.FAILED, message=str(error), ended_at=at)
        self.flows.delete(run.on_demand_flow_name)
        self.answers.put([run_reported(run, RunStatus.FAILED, at, message=str(error))])
        logger.warning("not started", extra={**run.log_keys, "reason": error.reason, "error": str(error)})


def _next(unfinished: Iterable[Run], at_most: int, at: datetime) -> list[Run]:
    """Return the pending runs to start at `at`: what was asked for before what is filled in, newest days first."""
    runs = list(unfinished)
    busy = {run.report for run in runs if run.status is not RunState.PENDING}
    started = sum(run.status is RunState.STARTED and not run.is_scheduled for run in runs)
    pending = [run for run in runs if run.status is RunState.PENDING and not run.is_scheduled]
    waiting = [run for run in pending if run.due_at is None or run.due_at <= at]
    waiting.sort(key=lambda run: (run.kind is RunKind.BACKFILL, -run.start_date.toordinal(), run.report))
    chosen: dict[str, Run] = {}
    for run in waiting:
        if run.report not in busy:
            chosen.setdefault(run.report, run)
    return list(chosen.values())[: max(at_most - started, 0)]


def _planned(registration: Registration, run: Run) -> PlannedFlow:
    for flow in registration.plan.flows:
        if flow.report == run.report:
            return flow
    raise TerminalError(f"The data flow no longer has the report {run.report}.", reason="unknown_report")
