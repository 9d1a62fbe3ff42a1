"""Moves the scheduled flows on to their next run: the dates they read, and the hour as summer time has it."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import RunStatus
from dataflows.contracts.plan import next_run_at
from warehouse.answers import Answers, run_reported
from warehouse.appflow import Flows
from warehouse.config import AdvanceConfig
from warehouse.connector import Connector
from warehouse.definitions import Source
from warehouse.errors import try_each
from warehouse.flows import NextRun, change, next_run
from warehouse.registry import Registration, Registry
from warehouse.runs import Runs, RunState

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
        prepared = {
            run.run_id for run in self.runs.find(data_flow_id=str(event.data_flow_id), due_at=_due_at(registration, at))
        }
        connector = Connector(self.flows.client, event.connector_profile)
        source = Source(event.connector_profile, connector.core_report(event.property.property_id))
        nexts = [next_run(self.config, event, flow, source, at) for flow in registration.plan.flows]
        try_each([item for item in nexts if item.run.run_id not in prepared], lambda item: self._prepare(item, at))

    def _prepare(self, item: NextRun, at: datetime) -> None:
        run = item.run
        try:
            run = replace(run, prepared_at=change(self.flows, item.definition, f"{run.run_id}-{item.definition.hash}"))
        except TerminalError as error:
            run = replace(run, status=RunState.FAILED, message=str(error), ended_at=at)
            self.answers.put([run_reported(run, RunStatus.FAILED, at, message=str(error))])
        self.runs.add([run])
        logger.info("advanced", extra={**run.log_keys, "start_date": str(run.start_date), "status": run.status})


def _due_at(registration: Registration, at: datetime) -> datetime:
    event = registration.event
    return next_run_at(event.property.time_zone, event.refresh_hour_local, at)
