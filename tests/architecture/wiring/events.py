"""The ways of events: a rule takes them from a bus, and hands them to another account's bus or to a queue."""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any, Final

from dataflows.contracts.counts import CountedReport, DataFlowDaysCounted
from dataflows.contracts.events import (
    MYAPP_SOURCE,
    WAREHOUSE_SOURCE,
    DataFlowRunReported,
    DataFlowStatus,
    DataFlowStatusChanged,
    RunDataFlow,
    RunStatus,
)
from dataflows.contracts.incidents import (
    DataFlowIncidentChanged,
    DataFlowRemedyReported,
    IncidentCause,
    IncidentKind,
    IncidentState,
    OutageState,
    RemedyOutcome,
    WarehouseOutageChanged,
)
from dataflows.contracts.naming import appflow_flow_name
from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.aws.event_pattern import check_pattern, matches
from deploy.local.aws.service import ServiceError
from tests.architecture.wiring.policies import STRANGER, bus_admits, queue_admits, role_may, role_trusts
from tests.architecture.wiring.stacks import Properties, Stack
from tests.dataflows.contracts.definitions import register_event

Event = dict[str, Any]

_IDS: Final = {name: uuid.UUID(int=1) for name in ("event_id", "correlation_id", "data_flow_id")}
_DAYS: Final = {"start_date": date(2026, 8, 1), "end_date": date(2026, 8, 2)}
_AT: Final = datetime(2026, 8, 3, tzinfo=UTC)
_REQUESTS: Final = (
    register_event(),
    RunDataFlow(**_IDS, **_DAYS, property_id="123456789", requested_by="operator"),
    DataFlowDaysCounted(
        **_IDS, property_id="123456789", reports=(CountedReport(report="pages", **_DAYS),), occurred_at=_AT
    ),
)
_ANSWERS: Final = (
    DataFlowStatusChanged(**_IDS, revision=1, status=DataFlowStatus.ACTIVE, occurred_at=_AT),
    DataFlowRunReported(
        **_IDS,
        **_DAYS,
        property_id="123456789",
        report="daily_totals",
        run_id="0" * 32,
        status=RunStatus.STARTED,
        occurred_at=_AT,
    ),
    DataFlowIncidentChanged(
        **_IDS,
        **_DAYS,
        property_id="123456789",
        display_name="Example",
        report="daily_totals",
        incident_id=uuid.UUID(int=1),
        kind=IncidentKind.RUN_FAILED,
        cause=IncidentCause.UNKNOWN,
        state=IncidentState.OPEN,
        since=_AT,
        message="It failed.",
        occurred_at=_AT,
    ),
    DataFlowRemedyReported(
        **_IDS, incident_id=uuid.UUID(int=1), outcome=RemedyOutcome.REFUSED, message="It is over.", occurred_at=_AT
    ),
    WarehouseOutageChanged(
        event_id=uuid.UUID(int=1),
        outage_id=uuid.UUID(int=1),
        state=OutageState.BEGUN,
        since=_AT,
        message="It is paused.",
        occurred_at=_AT,
    ),
)
_TOLD_TO_THE_CHANNEL: Final = ("DataFlowIncidentChanged", "DataFlowRemedyReported", "WarehouseOutageChanged")


def _sent(models: tuple[Any, ...], account_id: str, source: str) -> tuple[Event, ...]:
    """Return events as they lie on a bus: their envelope keeps the account that published them."""
    return tuple(
        {
            "account": account_id,
            "source": source,
            "detail-type": type(one).__name__,
            "detail": one.model_dump(mode="json"),
        }
        for one in models
    )


REQUESTS: Final = _sent(_REQUESTS, APP.account_id, MYAPP_SOURCE)
ANSWERS: Final = _sent(_ANSWERS, WAREHOUSE.account_id, WAREHOUSE_SOURCE)
INCIDENTS: Final = tuple(one for one in ANSWERS if one["detail-type"] in _TOLD_TO_THE_CHANNEL)
APPFLOW_NEWS: Final = tuple(
    {
        "account": WAREHOUSE.account_id,
        "source": "aws.appflow",
        "detail-type": kind,
        "detail": {"flow-name": appflow_flow_name("123456789", "daily_totals")},
    }
    for kind in (
        "AppFlow Start Flow Run Report",
        "AppFlow End Flow Run Report",
        "AppFlow Scheduled Flow Deactivated",
    )
)


@dataclass(frozen=True)
class Route:
    """What one rule must take, from which bus, and the queue or the other account's bus it must go to."""

    stack: str
    rule: str
    bus: str
    target: tuple[str, str]
    events: tuple[Event, ...]


ROUTES: Final = (
    Route("app", "ForwardRule", "AppBus", ("warehouse", "WarehouseBus"), REQUESTS),
    Route("warehouse", "RequestsRule", "WarehouseBus", ("warehouse", "RegisterQueue"), REQUESTS),
    Route("warehouse", "AnswersRule", "WarehouseBus", ("app", "AppBus"), ANSWERS),
    Route("warehouse", "IncidentsRule", "WarehouseBus", ("warehouse", "NotifyQueue"), INCIDENTS),
    Route("app", "StatusRule", "AppBus", ("app", "StatusQueue"), ANSWERS),
    Route("warehouse", "AppFlowRunsRule", "default", ("warehouse", "WatchQueue"), APPFLOW_NEWS),
)


def event_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say what keeps an event from its way, or lets a stranger's on it."""
    for name, stack in stacks.items():
        known = {route.rule for route in ROUTES if route.stack == name}
        for unknown in stack.of_type("AWS::Events::Rule").keys() - known:
            yield f"{unknown} is no rule of the line: name it in ROUTES."
    for route in ROUTES:
        stack = stacks[route.stack]
        rule = stack.properties.get(route.rule)
        if rule is None:
            yield f"{route.rule} is missing: {route.events[0]['detail-type']} ends on {route.bus}."
            continue
        yield from (f"{route.rule}: {problem}" for problem in _rule_problems(stacks, route, rule))


def _rule_problems(stacks: dict[str, Stack], route: Route, rule: Properties) -> Iterator[str]:
    stack = stacks[route.stack]
    if rule.get("State", "ENABLED") != "ENABLED":
        yield "it is not enabled."
    bus = stack.named(rule["EventBusName"]) if "EventBusName" in rule else "default"
    if bus != route.bus:
        yield f"it listens on {bus}, not on {route.bus}."
    yield from _pattern_problems(rule.get("EventPattern", {}), route.events)
    targets = rule.get("Targets", [])
    if len(targets) != 1:
        yield f"it has {len(targets)} targets; the line goes on at {route.target[1]}."
        return
    yield from _target_problems(stacks, route, targets[0])


def _pattern_problems(pattern: Event, events: tuple[Event, ...]) -> Iterator[str]:
    if not pattern:
        yield "it has no EventPattern."
        return
    try:
        check_pattern(pattern)
    except ServiceError as error:
        yield f"its EventPattern is refused: {error}"
        return
    for event in events:
        if not matches(pattern, event):
            yield f"its EventPattern does not take {event['detail-type']}."
    for member, other in (("account", STRANGER), ("source", "stranger"), ("detail-type", "Stranger")):
        if matches(pattern, {**events[0], member: other}):
            yield f"its EventPattern takes events of any {member}."
    if "flow-name" in events[0]["detail"] and matches(pattern, {**events[0], "detail": {"flow-name": "other"}}):
        yield "its EventPattern takes the detail of flows that are not ours."


def _target_problems(stacks: dict[str, Stack], route: Route, target: Event) -> Iterator[str]:
    stack, (target_stack, target_name) = stacks[route.stack], route.target
    if target["Arn"] != stacks[target_stack].arns.get(target_name):
        yield f"its target is {target['Arn']}, not {target_name}."
        return
    if stacks[target_stack].types[target_name] == "AWS::Events::EventBus":
        yield from _forward_problems(stacks, route, target)
    else:
        yield from _queue_target_problems(stack, route, target)
    yield from _dead_letter_problems(stack, route, target)


def _queue_target_problems(stack: Stack, route: Route, target: Event) -> Iterator[str]:
    queue = route.target[1]
    yield from _send_problems(stack, route.rule, queue)
    if not stack.properties[queue].get("FifoQueue"):
        return
    if not target.get("SqsParameters", {}).get("MessageGroupId"):
        yield f"{queue} is FIFO, and the target has no SqsParameters.MessageGroupId."
    if not stack.properties[queue].get("ContentBasedDeduplication"):
        yield f"{queue} needs ContentBasedDeduplication: a rule sends no deduplication id."


def _dead_letter_problems(stack: Stack, route: Route, target: Event) -> Iterator[str]:
    queue = stack.named(target.get("DeadLetterConfig", {}).get("Arn"))
    if queue is None:
        yield "its target has no DeadLetterConfig: what can't be delivered would be lost."
        return
    if stack.properties[queue].get("FifoQueue"):
        yield f"its dead-letter queue {queue} is FIFO, which EventBridge does not take."
    yield from _send_problems(stack, route.rule, queue)


def _send_problems(stack: Stack, rule: str, queue: str) -> Iterator[str]:
    principal, source = "events.amazonaws.com", {"aws:SourceArn": stack.arns[rule]}
    if not queue_admits(stack, queue, principal, source):
        yield f"no policy of {queue} lets {rule} send to it."
    if queue_admits(stack, queue, principal, {"aws:SourceArn": f"{stack.arns[rule]}-other"}):
        yield f"a policy of {queue} lets any rule send to it."


def _forward_problems(stacks: dict[str, Stack], route: Route, target: Event) -> Iterator[str]:
    stack, (target_stack, bus) = stacks[route.stack], route.target
    role_name = stack.named(target.get("RoleArn"))
    if role_name is None or stack.types[role_name] != "AWS::IAM::Role":
        yield "its target has no RoleArn: another account's bus takes events only through a role."
        return
    yield from _forward_role_problems(stack, route, role_name, target["Arn"])
    role_arn = stack.arns[role_name]
    for event in route.events:
        context = _forward_context(stack, route, event)
        if not bus_admits(stacks[target_stack], bus, role_arn, context):
            yield f"no policy of {bus} admits {event['detail-type']} from it."
    yield from (
        f"a policy of {bus} admits {what}."
        for what, principal, context in _strangers(stack, route, role_arn)
        if bus_admits(stacks[target_stack], bus, principal, context)
    )


def _forward_context(stack: Stack, route: Route, event: Event) -> dict[str, str]:
    return {
        "aws:SourceArn": stack.arns[route.rule],
        "events:source": event["source"],
        "events:detail-type": event["detail-type"],
    }


def _strangers(stack: Stack, route: Route, role_arn: str) -> Iterator[tuple[str, str, dict[str, str]]]:
    context = _forward_context(stack, route, route.events[0])
    yield "another account", role_arn.replace(stack.account.account_id, STRANGER), context
    for key in context:
        yield f"events with another {key}", role_arn, {**context, key: "stranger"}
        yield f"events without {key}", role_arn, {name: value for name, value in context.items() if name != key}
    yield "another rule", role_arn, {**context, "aws:SourceArn": f"{context['aws:SourceArn']}-other"}


def _forward_role_problems(stack: Stack, route: Route, name: str, bus_arn: str) -> Iterator[str]:
    role = stack.properties[name]
    own = {"aws:SourceAccount": stack.account.account_id, "aws:SourceArn": stack.arns[route.rule]}
    if not role_trusts(role, "events.amazonaws.com", own):
        yield f"{name} does not trust events.amazonaws.com for {route.rule}."
    for key, other in (("aws:SourceAccount", STRANGER), ("aws:SourceArn", f"{own['aws:SourceArn']}-other")):
        if role_trusts(role, "events.amazonaws.com", {**own, key: other}):
            yield f"{name} trusts events.amazonaws.com for any {key}."
    if not role_may(role, "events:PutEvents", bus_arn):
        yield f"{name} may not do events:PutEvents on {bus_arn}."
