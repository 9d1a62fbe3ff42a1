"""Finds what AppFlow's events did not tell: runs that ended or never began, flows that stand still, days missing."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from warehouse.appflow import Execution
from warehouse.errors import try_each
from warehouse.missing_days import MissingDays
from warehouse.reconciling import Reconciler
from warehouse.runs import Run, RunKind, RunState
from warehouse.waiting import waiting_tables
from warehouse.watch import Watcher

_EVENT_GRACE: Final = timedelta(minutes=15)  # within which an event may still come
_START_GRACE: Final = timedelta(hours=3)
_RECORD_GRACE: Final = timedelta(days=1)


@dataclass(frozen=True)
class Sweeper:
    """Looks after the runs that nothing was heard of."""

    watcher: Watcher
    missing_days: MissingDays
    reconciler: Reconciler

    def sweep(self, at: datetime, *, is_catching_up: bool = False) -> None:
        """Look at every unfinished run and every flow, start what waits, have tables refreshed that wait for it.

        What fails holds up nothing else; then TransientError is raised at the end. Each part ends in time for those
        behind it; what it left is the next sweep's. After an outage the sweep `is_catching_up`: it reads what that kept
        from being read, and what that delayed is late only if a later sweep finds it so.
        """
        watcher = self.watcher
        parts = (
            watcher.remediation.tell,  # what another that died had left
            self._look_at_all,
            watcher.scheduled_flows.look,
            watcher.remediation.look,
            # After it: what was decided of a failed run's days is found there.
            self.missing_days.catch_up if is_catching_up else self.missing_days.look,
            watcher.remediation.tell,
            watcher.starter.start_all,
            self._refresh_waiting,
            self._compare,  # last: nothing waits for it
        )
        try_each(parts, lambda part: part(at))

    def _look_at_all(self, at: datetime) -> None:
        runs = self.watcher.runs
        overdue = runs.find(kind=RunKind.SCHEDULED, status=RunState.PENDING)
        is_near = self.watcher.remediation.deadline.is_near
        try_each([*runs.find(status=RunState.STARTED), *overdue], lambda run: self._look_at(run, at), is_near)

    def _compare(self, at: datetime) -> None:
        if not self.watcher.remediation.deadline.is_near():
            self.reconciler.look(at)
            self.watcher.remediation.tell(at)

    def _refresh_waiting(self, at: datetime) -> None:
        for table in waiting_tables(self.watcher.warehouse, at):
            self.watcher.refresh_queue.sweep(table.name, at)

    def _look_at(self, run: Run, at: datetime) -> None:
        if run.status is RunState.PENDING:
            self._look_for_start(run, at)
        elif run.execution_id is not None and run.appflow_flow_name is not None:
            self._look_for_end(run, run.appflow_flow_name, run.execution_id, at)

    def _look_for_start(self, run: Run, at: datetime) -> None:
        """A scheduled run whose hour has passed: AppFlow began it unheard, or never did."""
        if run.due_at is None or run.appflow_flow_name is None or at < run.due_at + _EVENT_GRACE:
            return
        for execution in self.watcher.flows.executions(run.appflow_flow_name):
            if self._may_be(run, execution):
                begun = self.watcher.begun(run, execution.execution_id, execution.started_at)
                self._look_for_end(begun, run.appflow_flow_name, execution.execution_id, at)
                return
        if at < run.due_at + _START_GRACE:
            return
        message = f"AppFlow did not start the flow {run.appflow_flow_name} at its hour."
        if not run.was_prepared_by(run.due_at):
            message = f"AppFlow began before its flow {run.appflow_flow_name} was moved on to these dates."
        self.watcher.fail(run, message, at)

    def _may_be(self, run: Run, execution: Execution) -> bool:
        """Whether an execution is the run's: begun at its hour, with its window, and no other run's."""
        due_at, began_at = run.due_at, execution.started_at
        is_in_time = due_at is not None and due_at <= began_at < due_at + _START_GRACE
        return is_in_time and run.was_prepared_by(began_at) and not self._is_taken(run, execution.execution_id)

    def _look_for_end(self, run: Run, name: str, execution_id: str, at: datetime) -> None:
        execution = self.watcher.flows.execution(name, execution_id)
        if execution is None:
            if run.started_at is not None and at >= run.started_at + _RECORD_GRACE:
                self.watcher.fail(run, "AppFlow has no record of the run any more.", at)
        elif execution.is_over:
            self.watcher.ended(run, execution, at)

    def _is_taken(self, run: Run, execution_id: str) -> bool:
        return bool(self.watcher.runs.find(appflow_flow_name=run.appflow_flow_name or "", execution_id=execution_id))
