"""Makes AppFlow's scheduled flows be what a data flow needs, whatever is there already."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.events import RegisterDataFlow
from dataflows.contracts.ga4 import DATE
from dataflows.contracts.plan import DateWindow, PlannedFlow, date_bound
from warehouse.appflow import ACTIVE, Flows
from warehouse.config import FlowConfig
from warehouse.definitions import FlowDefinition, Source, scheduled
from warehouse.errors import SAVE_AGAIN
from warehouse.runs import Run, scheduled_run


@dataclass(frozen=True)
class NextRun:
    """A scheduled flow as it must be for its next run, and that run."""

    definition: FlowDefinition
    run: Run


def next_run(config: FlowConfig, event: RegisterDataFlow, flow: PlannedFlow, source: Source, at: datetime) -> NextRun:
    """Return what a flow must be at the moment `at`: its window and hour are those of the next run."""
    run = scheduled_run(event, flow, at)
    return NextRun(scheduled(config, flow, source, run.window, run.due_at or at), run)


def create_or_change(flows: Flows, definition: FlowDefinition, token: str, *, is_known: bool) -> None:
    """Make the flow be as defined, and active. `is_known` only saves calls: it says what to try first.

    Raises TransientError or TerminalError.
    """
    if not is_known and flows.create(definition, token):
        flows.start(definition.name, token)
        return
    existing = flows.describe(definition.name)
    if existing is None:
        _create_again(flows, definition, token)
        return
    _change(flows, definition, existing, token)
    if existing["flowStatus"] != ACTIVE:
        flows.start(definition.name, token)


def change(flows: Flows, definition: FlowDefinition, token: str) -> None:
    """Make an existing flow be as defined; one that AppFlow deactivated stays so until somebody looks.

    Raises TerminalError when the flow is gone or refuses, TransientError when AppFlow can't be asked.
    """
    existing = flows.describe(definition.name)
    if existing is None:
        raise TerminalError(
            f"The flow {definition.name} is gone from AppFlow: {SAVE_AGAIN} to make it anew.",
            reason="flow_gone",
        )
    _change(flows, definition, existing, token)


def window_of(described: dict[str, Any], around: datetime) -> DateWindow | None:
    """Return the dates that a flow's filter asks for, or None if they are not near the moment `around`."""
    days = (around.date() + timedelta(offset) for offset in range(-400, 3))
    dates = {date_bound(day): day for day in days}
    for task in described["tasks"]:
        properties = task.get("taskProperties", {})
        if task["sourceFields"] == [DATE] and "LOWER_BOUND" in properties:
            start, end = dates.get(properties["LOWER_BOUND"]), dates.get(properties["UPPER_BOUND"])
            return DateWindow(start, end) if start and end else None
    return None


def _change(flows: Flows, definition: FlowDefinition, existing: dict[str, Any], token: str) -> None:
    if existing.get("description") == definition.description:
        return
    if existing["flowStatus"] == ACTIVE:
        flows.update_active(definition, token)
    else:
        flows.update(definition)


def _create_again(flows: Flows, definition: FlowDefinition, token: str) -> None:
    if not flows.create(definition, token):
        raise TransientError(f"The flow {definition.name} is being made or deleted by somebody else")
    flows.start(definition.name, token)
