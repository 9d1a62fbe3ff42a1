"""Makes AppFlow's scheduled flows be what a data flow needs, whatever is there already."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.events import RegisterDataFlow
from dataflows.contracts.plan import PlannedFlow
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


def create_or_change(flows: Flows, definition: FlowDefinition, token: str, *, is_known: bool) -> datetime | None:
    """Make the flow be as defined, and active. `is_known` only saves calls: it says what to try first.

    Returns since when, by AppFlow's clock, it is so defined; None for one that never was otherwise. Raises
    TransientError or TerminalError.
    """
    if not is_known and flows.create(definition, token):
        flows.start(definition.name, token)
        return None
    existing = flows.describe(definition.name)
    if existing is None:
        _create_again(flows, definition, token)
        return None
    changed_at = _change(flows, definition, existing, token)
    if existing["flowStatus"] != ACTIVE:
        flows.start(definition.name, token)
    return changed_at


def change(flows: Flows, definition: FlowDefinition, token: str) -> datetime:
    """Make an existing flow be as defined; one that AppFlow deactivated stays so until somebody looks.

    Returns since when, by AppFlow's clock, it is so defined.

    Raises TerminalError when the flow is gone or refuses, TransientError when AppFlow can't be asked.
    """
    existing = flows.describe(definition.name)
    if existing is None:
        raise TerminalError(
            f"The flow {definition.name} is gone from AppFlow: {SAVE_AGAIN} to make it anew.",
            reason="flow_gone",
        )
    return _change(flows, definition, existing, token)


def _change(flows: Flows, definition: FlowDefinition, existing: dict[str, Any], token: str) -> datetime:
    if existing.get("description") != definition.description:
        if existing["flowStatus"] == ACTIVE:
            flows.update_active(definition, token)
        else:
            flows.update(definition)
        existing = flows.describe(definition.name) or existing
    return _moment(existing["lastUpdatedAt"])


def _moment(at: datetime) -> datetime:
    return at.astimezone(UTC)


def _create_again(flows: Flows, definition: FlowDefinition, token: str) -> None:
    if not flows.create(definition, token):
        raise TransientError(f"The flow {definition.name} is being made or deleted by somebody else")
    flows.start(definition.name, token)
