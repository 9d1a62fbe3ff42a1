"""What Account 2 must be like after registrations, however often, together or out of order they came."""

from collections import Counter
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from dataflows.contracts.events import DataFlowState, RegisterDataFlow
from dataflows.contracts.plan import make_plan
from tests.faults.registration.registry import failures, shown
from tests.warehouse.account import Account2

_SHOWN = {DataFlowState.ACTIVE: "Active", DataFlowState.PAUSED: "Paused", DataFlowState.REMOVED: "Removed"}


def check_state(account: Account2, events: Iterable[RegisterDataFlow]) -> None:
    """Check that of each data flow the newest revision is in force, once, and that this is what its operator sees."""
    events = list(events)
    newest: dict[UUID, RegisterDataFlow] = {}
    for event in events:
        if event.revision >= newest.setdefault(event.data_flow_id, event).revision:
            newest[event.data_flow_id] = event
    assert failures(events) == []
    assert {event.property.property_id: shown(event) for event in newest.values()} == {
        event.property.property_id: (_SHOWN[event.state], "", event.revision) for event in newest.values()
    }
    assert flows_of(account, newest.values()) == wanted_flows(newest.values())
    assert registered(account, newest) == {
        str(event.data_flow_id): (event.revision, event.state, "done") for event in newest.values()
    }
    check_runs(account, newest.values())
    check_tables(account, newest.values())


def flows_of(account: Account2, events: Iterable[RegisterDataFlow]) -> dict[str, tuple[str, str]]:
    """Return status and schedule of every flow that these data flows have in AppFlow; what is stopped has none."""
    property_ids = {event.property.property_id for event in events}
    named = {name: status for name, status in account.flows().items() if name.split("-")[1] in property_ids}
    return {
        name: (status, _schedule(account.flow(name)) if status == "Active" else "") for name, status in named.items()
    }


def wanted_flows(events: Iterable[RegisterDataFlow]) -> dict[str, tuple[str, str]]:
    """Return status and schedule of the flows that the data flows must have; a paused one may have any schedule."""
    return {
        flow.appflow_flow_name: (
            ("Active", f"cron(0 {event.refresh_hour_local - 1} * * ? *)")
            if event.state is DataFlowState.ACTIVE
            else ("Suspended", "")
        )
        for event in events
        if event.state is not DataFlowState.REMOVED
        for flow in make_plan(event).flows
    }


def registered(account: Account2, ids: Iterable[UUID]) -> dict[str, tuple[int, str, str]]:
    """Return revision, state and step of each data flow; fails when one stands there twice."""
    found = account.rows("SELECT data_flow_id, revision, state, step FROM ga4_ops.data_flows")
    wanted = {str(data_flow_id) for data_flow_id in ids}
    mine = [row for row in found if row["data_flow_id"] in wanted]
    assert max(Counter(row["data_flow_id"] for row in mine).values(), default=1) == 1
    return {row["data_flow_id"]: (row["revision"], row["state"], row["step"]) for row in mine}


def check_runs(account: Account2, events: Iterable[RegisterDataFlow]) -> None:
    """Check that each flow has its back-fill and its next scheduled run, once; a removed data flow has none."""
    found = account.rows("SELECT run_id, data_flow_id, report, kind FROM ga4_ops.runs WHERE status = 'pending'")
    assert max(Counter(row["run_id"] for row in found).values(), default=1) == 1
    for event in events:
        kinds = {DataFlowState.ACTIVE: ("backfill", "scheduled"), DataFlowState.PAUSED: ("backfill",)}
        wanted = [(flow.report, kind) for flow in make_plan(event).flows for kind in kinds.get(event.state, ())]
        mine = [row for row in found if row["data_flow_id"] == str(event.data_flow_id)]
        assert sorted((row["report"], row["kind"]) for row in mine) == sorted(wanted)


def check_tables(account: Account2, events: Iterable[RegisterDataFlow]) -> None:
    """Check that all tables of active data flows are there."""
    wanted = {
        table.qualified_name
        for event in events
        if event.state is DataFlowState.ACTIVE
        for table in make_plan(event).tables
    }
    assert wanted - account.tables() == set()


def _schedule(flow: dict[str, Any]) -> str:
    expression: str = flow["triggerConfig"]["triggerProperties"]["Scheduled"]["scheduleExpression"]
    return expression
