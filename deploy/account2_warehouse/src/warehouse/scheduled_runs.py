"""The runs that AppFlow starts by itself: which row of `ga4_ops.runs` an execution belongs to."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from warehouse.appflow import Flows
from warehouse.flows import window_of
from warehouse.registry import Registry
from warehouse.runs import Run, RunKind, Runs, RunState, unplanned_run

_TOLERANCE: Final = timedelta(minutes=1)  # clocks differ


@dataclass(frozen=True)
class ScheduledRuns:
    """Finds scheduled runs by what AppFlow says of them."""

    registry: Registry
    runs: Runs
    flows: Flows

    def waiting(self, name: str) -> list[Run]:
        """Return a flow's runs that are due some time and have not begun, the earliest due first."""
        return self.runs.find(appflow_flow_name=name, kind=RunKind.SCHEDULED, status=RunState.PENDING)

    def started(self, name: str, execution_id: str, at: datetime) -> Run | None:
        """Return the run that the flow `name` began at `at`; one that nobody planned is noted now.

        None when there is no such flow in any data flow in force.
        """
        due = [run for run in self.waiting(name) if run.due_at and run.due_at <= at + _TOLERANCE]
        if due:
            return due[-1]
        # Its other event, worked on at the same time, may have taken the waiting row since the caller looked.
        taken = self.runs.find(appflow_flow_name=name, execution_id=execution_id)
        return taken[0] if taken else self._note(name, execution_id, at)

    def _note(self, name: str, execution_id: str, at: datetime) -> Run | None:
        described = self.flows.describe(name)
        window = window_of(described, at) if described else None
        if window is None:
            return None
        for registration in self.registry.of_property(name.split("-")[1]):
            for flow in registration.plan.flows:
                if flow.appflow_flow_name == name:
                    run = unplanned_run(registration.event, flow, window, execution_id)
                    self.runs.add([run])
                    return self.runs.find(run_id=run.run_id)[0]
        return None
