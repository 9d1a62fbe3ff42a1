"""Makes AppFlow's scheduled flows be what a data flow needs, whatever is there already."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.events import RegisterDataFlow
from dataflows.contracts.plan import PlannedFlow
from warehouse.appflow import ACTIVE, Flows, stopped_at
from warehouse.config import FlowConfig
from warehouse.definitions import FlowDefinition, Source, scheduled
from warehouse.errors import SAVE_AGAIN
from warehouse.new_runs import scheduled_run
from warehouse.runs import Run


@dataclass(frozen=True)
class NextRun:
    """A scheduled flow as it must be for its next run, and that run."""

    definition: FlowDefinition
    run: Run


def next_run(config: FlowConfig, event: RegisterDataFlow, flow: PlannedFlow, source: Source, at: datetime) -> NextRun:
    """Return what a flow must be at the moment `at`: its window and hour are those of the next run."""
    run = scheduled_run(event, flow, at)
    return NextRun(scheduled(config, flow, source, run.window, run.due_at or at), run)


def create_or_change(
    flows: Flows, definition: FlowDefinition, token: str, at: datetime, *, is_known: bool
) -> datetime | None:
    """Make the flow be as defined, and active. `is_known` only saves calls: it says what to try first.

    `token` marks repeats of the call, `at` is when it is made. Returns since when, by AppFlow's clock, it is so
    defined; None for one that never was otherwise. Raises TransientError or TerminalError.
    """
    if not is_known and flows.create(definition, token):
        flows.start(definition.name, token)
        return None
    existing = flows.describe(definition.name)
    if existing is None:
        _create_again(flows, definition, token)
        return None
    changed_at = _change(flows, definition, existing, at)
    if existing["flowStatus"] != ACTIVE:
        flows.start(definition.name, token)
    return changed_at


def change(flows: Flows, definition: FlowDefinition, at: datetime) -> datetime:
    """Make an existing flow be as defined, at the moment `at`; one that AppFlow deactivated stays so.

    One that was stopped here, by a change that broke off, goes on. Returns since when, by AppFlow's clock, it is
    so defined.

    Raises TerminalError when the flow is gone or refuses, TransientError when AppFlow can't be asked.
    """
    return _change(flows, definition, _existing(flows, definition.name), at)


def _change(flows: Flows, definition: FlowDefinition, existing: dict[str, Any], at: datetime) -> datetime:
    if existing.get("description") != definition.description:
        if existing["flowStatus"] == ACTIVE:
            flows.update_active(definition, at)
        else:
            flows.update(definition)
        existing = _existing(flows, definition.name)
    if stopped_at(existing.get("tags", {})):
        flows.resume(definition.name)
    changed_at: datetime = existing["lastUpdatedAt"]
    return changed_at.astimezone(UTC)


def _existing(flows: Flows, name: str) -> dict[str, Any]:
    existing = flows.describe(name)
    if existing is None:
        raise TerminalError(f"The flow {name} is gone from AppFlow: {SAVE_AGAIN} to make it anew.", reason="flow_gone")
    return existing


def _create_again(flows: Flows, definition: FlowDefinition, token: str) -> None:
    if not flows.create(definition, token):
        raise TransientError(f"The flow {definition.name} is being made or deleted by somebody else")
    flows.start(definition.name, token)
