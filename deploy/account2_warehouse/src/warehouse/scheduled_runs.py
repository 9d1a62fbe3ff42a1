"""The runs that AppFlow starts by itself: which row of `ga4_ops.runs` an execution belongs to."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from dataflows.contracts.plan import DateWindow
from warehouse.new_runs import unplanned_run
from warehouse.registry import Registry
from warehouse.runs import Run, RunKind, Runs, RunState

_TOLERANCE: Final = timedelta(minutes=1)  # clocks differ
_EVER: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ScheduledRuns:
    """Finds scheduled runs by what AppFlow says of them."""

    registry: Registry
    runs: Runs

    def waiting(self, name: str) -> list[Run]:
        """Return a flow's runs that are due some time and have not begun, the earliest due first."""
        return self.runs.find(appflow_flow_name=name, kind=RunKind.SCHEDULED, status=RunState.PENDING)

    def started(self, name: str, execution_id: str, at: datetime) -> Run | None:
        """Return the run that the flow `name` began at `at`; one that nobody planned is noted now.

        A run whose flow was changed to its window only after `at` is not it. None when there is no such
        flow in any data flow in force.
        """
        due = [run for run in self.waiting(name) if run.due_at and run.due_at <= at + _TOLERANCE]
        if in_time := [run for run in due if run.was_prepared_by(at)]:
            return max(in_time, key=_preparation)
        # Its other event, worked on at the same time, may have taken the waiting row since the caller looked.
        taken = self.runs.find(appflow_flow_name=name, execution_id=execution_id)
        return taken[0] if taken else self._note(name, execution_id, at)

    def _note(self, name: str, execution_id: str, at: datetime) -> Run | None:
        window = self._window_at(name, at)
        if window is None:
            return None
        for registration in self.registry.of_property(name.split("-")[1]):
            for flow in registration.plan.flows:
                if flow.appflow_flow_name == name:
                    run = unplanned_run(registration.event, flow, window, execution_id)
                    self.runs.add([run])
                    return self.runs.find(run_id=run.run_id)[0]
        return None

    def _window_at(self, name: str, at: datetime) -> DateWindow | None:
        """Return the dates that the flow read at `at`: those of the run it had last been made ready for."""
        prepared = [run for run in self._planned(name) if run.was_prepared_by(at)]
        return max(prepared, key=_preparation).window if prepared else None

    def _planned(self, name: str) -> list[Run]:
        return [run for run in self.runs.find(appflow_flow_name=name, kind=RunKind.SCHEDULED) if run.due_at]


def _preparation(run: Run) -> tuple[datetime, datetime]:
    return run.prepared_at or _EVER, run.due_at or _EVER
