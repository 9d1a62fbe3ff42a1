"""Moves the scheduled flows on to their next run: the dates they read, and the hour as summer time has it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import RunStatus
from dataflows.contracts.plan import PlannedFlow, next_run_at
from warehouse.answers import Answers, run_reported
from warehouse.appflow import Flows
from warehouse.config import AdvanceConfig
from warehouse.connector import Connector
from warehouse.definitions import Source
from warehouse.errors import try_each
from warehouse.flows import NextRun, change, next_run
from warehouse.new_runs import scheduled_run
from warehouse.ops import Condition
from warehouse.registry import Registration, Registry
from warehouse.runs import Run, RunKind, Runs, RunState

logger = Logger(child=True)

AHEAD: Final = timedelta(hours=18)  # the run before is long over, and many hourly calls may fail


@dataclass(frozen=True)
class WindowAdvancer:
    """Moves the flows of one account on."""

    config: AdvanceConfig
    answers: Answers
    registry: Registry
    runs: Runs
    flows: Flows

    def advance(self, at: datetime) -> None:
        """Prepare every flow that runs within AHEAD after the moment `at` and is not prepared yet.

        What fails holds up nothing else; then TransientError is raised at the end.
        """
        soon = [item for item in self.registry.all_in_force() if _due_at(item, at) - at <= AHEAD]
        try_each(soon, lambda registration: self._advance(registration, at))

    def _advance(self, registration: Registration, at: datetime) -> None:
        event = registration.event
        unprepared = self._unprepared(registration, at)
        if not unprepared:
            return
        try:
            entity = Connector(self.flows.client, event.connector_profile).core_report(event.property.property_id)
        except TerminalError as error:
            runs = [scheduled_run(event, flow, at) for flow in unprepared]
            try_each(runs, partial(self._give_up, error=error, at=at))
            return
        source = Source(event.connector_profile, entity)
        nexts = [next_run(self.config, event, flow, source, at) for flow in unprepared]
        try_each(nexts, lambda item: self._prepare(item, at))

    def _unprepared(self, registration: Registration, at: datetime) -> list[PlannedFlow]:
        """Return the flows to be moved on; none when a message that comes late would set them back."""
        event, due_at = registration.event, _due_at(registration, at)
        of_flow: dict[str, Condition] = {"data_flow_id": str(event.data_flow_id), "kind": RunKind.SCHEDULED}
        prepared = {run.run_id for run in self.runs.find(**of_flow, due_at=due_at)}
        flows = [flow for flow in registration.plan.flows if scheduled_run(event, flow, at).run_id not in prepared]
        later = self.runs.find(**of_flow, status=RunState.PENDING) if flows else []
        return [] if any(run.due_at and run.due_at > due_at for run in later) else flows

    def _prepare(self, item: NextRun, at: datetime) -> None:
        run = item.run
        try:
            run = replace(run, prepared_at=change(self.flows, item.definition, at))
        except TerminalError as error:
            self._give_up(run, error, at)
            return
        self.runs.add([run])
        logger.info("advanced", extra={**run.log_keys, "start_date": str(run.start_date)})

    def _give_up(self, run: Run, error: TerminalError, at: datetime) -> None:
        """Note that a run can't be prepared; it has no flow, since its flow goes on with the dates it had."""
        failed = replace(run, status=RunState.FAILED, appflow_flow_name=None, message=str(error), ended_at=at)
        self.answers.put([run_reported(failed, RunStatus.FAILED, at, message=str(error))])
        self.runs.add([failed])
        logger.warning("not advanced", extra={**failed.log_keys, "reason": error.reason, "error": str(error)})


def _due_at(registration: Registration, at: datetime) -> datetime:
    event = registration.event
    return next_run_at(event.property.time_zone, event.refresh_hour_local, at)
