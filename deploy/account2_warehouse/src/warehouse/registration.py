"""Carries out what an operator asked for: applies the plan of a data flow, and answers at each step.

Every step makes sure of its result, so that all may run again, in the same order, after a crash anywhere.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import DataFlowState, DataFlowStatus, RegisterDataFlow
from dataflows.contracts.plan import Plan, check_plan_hash, make_plan
from warehouse.answers import Answers, Asked, status_changed
from warehouse.appflow import Flows
from warehouse.config import RegisterConfig
from warehouse.connector import Connector
from warehouse.definitions import Source
from warehouse.flows import NextRun, create_or_change, next_run
from warehouse.moments import Moment
from warehouse.new_runs import backfill_runs, run_again
from warehouse.queues import WatchQueue
from warehouse.registry import Registration, Registry, Step
from warehouse.runs import Run, RunKind, Runs, RunState
from warehouse.schema import Schema

logger = Logger(child=True)

_OUTCOMES = {
    DataFlowState.ACTIVE: DataFlowStatus.ACTIVE,
    DataFlowState.PAUSED: DataFlowStatus.PAUSED,
    DataFlowState.REMOVED: DataFlowStatus.REMOVED,
}


@dataclass(frozen=True)
class Registrar:
    """Applies data flows to one account: its schema, flows, registry and runs."""

    config: RegisterConfig
    answers: Answers
    schema: Schema
    registry: Registry
    runs: Runs
    flows: Flows
    watch_queue: WatchQueue

    def register(self, event: RegisterDataFlow, moment: Moment) -> None:
        """Make the account be what the event asks for, unless it is so already or something newer was asked.

        Raises TerminalError when it can't be, TransientError when it may work next time.
        """
        if not self.registry.exists():
            self.schema.apply_ops()
        known = self.registry.revisions(str(event.data_flow_id))
        newest = known[-1] if known else None
        if newest and newest.event.revision > event.revision:
            self._answer(event, DataFlowStatus.IGNORED, moment, "A newer revision came first.", "older_revision")
            return
        if not (newest and newest.event.revision == event.revision and newest.step is Step.DONE):
            event = self._carry_out_to_newest(event, moment)
        self._conclude(event, moment)

    def _carry_out_to_newest(self, event: RegisterDataFlow, moment: Moment) -> RegisterDataFlow:
        """Carry out an event, then what overtook it meanwhile; return the newest.

        The queue lets one function at a time at a data flow, unless that works longer than its message is hidden.
        """
        overtaken: list[Registration] = []
        while True:
            try:
                self._carry_out(event, overtaken, moment)
            except TerminalError as error:
                if self._newest(event).revision == event.revision:
                    raise
                logger.warning("failed, but a newer revision came meanwhile", extra={"error": str(error)})
            newest = self._newest(event)
            if newest.revision <= event.revision:
                return event
            overtaken.append(Registration(event, Step.DONE))  # its row is gone, what it made may not be
            event = newest

    def _newest(self, event: RegisterDataFlow) -> RegisterDataFlow:
        noted = self.registry.revisions(str(event.data_flow_id))
        return noted[-1].event if noted else event

    def _carry_out(self, event: RegisterDataFlow, overtaken: Sequence[Registration], moment: Moment) -> None:
        plan = make_plan(event)
        self.registry.start(event, plan, moment.at)
        noted = self.registry.revisions(str(event.data_flow_id))
        earlier = [*overtaken, *(item for item in noted if item.event.revision < event.revision)]
        check_plan_hash(event, plan)
        self._check_property_is_free(event)
        self._answer(event, DataFlowStatus.RECEIVED, moment)
        match event.state:
            case DataFlowState.ACTIVE:
                self._activate(event, plan, earlier, moment)
            case DataFlowState.PAUSED:
                self._pause(event, plan, earlier, moment)
            case DataFlowState.REMOVED:
                self._remove(event, [plan, *(item.plan for item in earlier)], moment)
        self.registry.finish(event, moment.at)

    def _conclude(self, event: RegisterDataFlow, moment: Moment) -> None:
        if event.state is DataFlowState.ACTIVE:
            self.watch_queue.start_waiting_runs(moment.now, str(event.data_flow_id))
        self._answer(event, _OUTCOMES[event.state], moment)

    def _activate(self, event: RegisterDataFlow, plan: Plan, earlier: Sequence[Registration], moment: Moment) -> None:
        next_runs = self._next_runs(event, plan, moment)  # first: what GA4 does not have is refused before tables are
        self.schema.apply(plan.statements, plan.tables)
        self._answer(event, DataFlowStatus.SCHEMA_READY, moment)
        scheduled_runs = self._make_flows(event, next_runs, earlier, moment)
        self._answer(event, DataFlowStatus.FLOWS_CREATED, moment)
        self._plan_runs(event, [*backfill_runs(event, plan, moment.at), *scheduled_runs], moment)

    def _next_runs(self, event: RegisterDataFlow, plan: Plan, moment: Moment) -> list[NextRun]:
        connector = Connector(self.flows.client, event.connector_profile)
        source = Source(event.connector_profile, connector.core_report(plan.property_id))
        connector.check_fields(source.entity, event)
        return [next_run(self.config, event, flow, source, moment.at) for flow in plan.flows]

    def _make_flows(
        self, event: RegisterDataFlow, next_runs: Sequence[NextRun], earlier: Sequence[Registration], moment: Moment
    ) -> list[Run]:
        """Make the flows, delete those no longer wanted, and return the flows' next runs."""
        in_force = _flow_names(item.plan for item in earlier if item.is_in_force)
        # What was overtaken meanwhile makes a call another one, which AppFlow must not take for the first one's repeat.
        before = "|".join(f"{item.event.revision} {item.step}" for item in earlier)
        runs = [
            self._make_flow(event, item, before, moment, is_known=item.definition.name in in_force)
            for item in next_runs
        ]
        self._delete_unwanted({item.definition.name for item in next_runs}, earlier)
        return runs

    def _delete_unwanted(self, wanted: set[str], earlier: Iterable[Registration]) -> None:
        """Delete the flows of reports that are no longer in the data flow: nothing names them once it is noted."""
        for name in sorted(_flow_names(item.plan for item in earlier) - wanted):
            self.flows.delete(name)

    def _make_flow(self, event: RegisterDataFlow, item: NextRun, before: str, moment: Moment, *, is_known: bool) -> Run:
        token = _token(event, item.definition.name, item.definition.hash, before)
        prepared_at = create_or_change(self.flows, item.definition, token, moment.now, is_known=is_known)
        return replace(item.run, prepared_at=prepared_at)

    def _plan_runs(self, event: RegisterDataFlow, runs: Sequence[Run], moment: Moment) -> None:
        failed = {run.run_id for run in self.runs.find(data_flow_id=str(event.data_flow_id), status=RunState.FAILED)}
        wanted = [run_again(run, event.revision) if run.run_id in failed else run for run in runs]
        kinds = (RunKind.BACKFILL, RunKind.SCHEDULED)
        # By AppFlow's clock: the request may be an hour old when it is carried out.
        begun_by = max((moment.at, *(run.prepared_at for run in wanted if run.prepared_at)))
        self.runs.drop_pending(str(event.data_flow_id), kinds, at=begun_by, keep=[run.run_id for run in wanted])
        self.runs.add(wanted)

    def _pause(self, event: RegisterDataFlow, plan: Plan, earlier: Sequence[Registration], moment: Moment) -> None:
        wanted = _flow_names([plan])
        for name in sorted(wanted):
            self.flows.stop(name)
        self._delete_unwanted(wanted, earlier)
        self.runs.drop_pending(str(event.data_flow_id), (RunKind.SCHEDULED,), at=moment.at)

    def _remove(self, event: RegisterDataFlow, plans: Iterable[Plan], moment: Moment) -> None:
        for name in sorted(_flow_names(plans)):
            self.flows.delete(name)
        self.runs.drop_pending(str(event.data_flow_id), tuple(RunKind))
        for run in self.runs.find(data_flow_id=str(event.data_flow_id), status=RunState.STARTED):
            if run.appflow_flow_name:
                self.flows.delete(run.appflow_flow_name)
            message = "The data flow was removed while the run was under way."
            self.runs.change(run, RunState.STARTED, status=RunState.FAILED, message=message, ended_at=moment.now)

    def _check_property_is_free(self, event: RegisterDataFlow) -> None:
        property_id = event.property.property_id
        others = [
            item for item in self.registry.of_property(property_id) if item.event.data_flow_id != event.data_flow_id
        ]
        if others and event.state is not DataFlowState.REMOVED:
            raise TerminalError(
                f"Property {property_id} belongs to another data flow, {others[0].event.data_flow_id}: edit or "
                "deregister that one.",
                reason="property_taken",
            )

    def _answer(
        self,
        event: RegisterDataFlow,
        status: DataFlowStatus,
        moment: Moment,
        message: str = "",
        reason: str | None = None,
    ) -> None:
        asked = Asked(event.event_id, event.correlation_id, event.data_flow_id, event.revision)
        self.answers.put([status_changed(asked, status, moment.now, reason=reason, message=message)])


def _flow_names(plans: Iterable[Plan]) -> set[str]:
    return {flow.appflow_flow_name for plan in plans for flow in plan.flows}


def _token(event: RegisterDataFlow, *parts: str) -> str:
    """Return the client token of a call made for this event: the same event again repeats the call, another doesn't."""
    return hashlib.sha256("|".join((str(event.event_id), *parts)).encode()).hexdigest()
