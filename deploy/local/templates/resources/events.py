"""EventBridge buses, their policies and rules; EventBridge Scheduler's schedules."""

import contextlib
import json
from typing import Any

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created


def create_bus(bus: Declaration) -> Created:
    """Make an event bus."""
    client = bus.stack.client("events")
    name = str(bus.properties["Name"])
    # It has no other property that could differ.
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_event_bus(Name=name)
    return Created(name, {"Arn": bus.stack.arn("events", f"event-bus/{name}"), "Name": name})


def create_bus_policy(policy: Declaration) -> Created:
    """Add one statement to a bus's policy, in place of an earlier one with its id."""
    client = policy.stack.client("events")
    bus = policy.properties.get("EventBusName", "default")
    statement = {"Sid": policy.properties["StatementId"], **policy.properties["Statement"]}
    before = json.loads(client.describe_event_bus(Name=bus).get("Policy") or '{"Statement": []}')
    others = [one for one in before["Statement"] if one.get("Sid") != statement["Sid"]]
    document = {"Version": "2012-10-17", "Statement": [*others, statement]}
    client.put_permission(EventBusName=bus, Policy=json.dumps(document))
    return Created(policy.made_name())


def create_rule(rule: Declaration) -> Created:
    """Make a rule and its targets."""
    client = rule.stack.client("events")
    name, bus = rule.name("Name"), rule.properties.get("EventBusName", "default").rpartition("/")[2]
    pattern = json.dumps(rule.properties["EventPattern"])
    client.put_rule(Name=name, EventBusName=bus, EventPattern=pattern, **rule.pick("Description", "State", "RoleArn"))
    targets = rule.properties.get("Targets", [])
    _remove_other_targets(client, name, bus, targets)
    if targets:
        answer = client.put_targets(Rule=name, EventBusName=bus, Targets=targets)
        if answer["FailedEntryCount"]:
            raise rule.error(f"EventBridge refused targets: {answer['FailedEntries']}.", "Targets")
    full_name = name if bus == "default" else f"{bus}/{name}"
    return Created(full_name.replace("/", "|"), {"Arn": rule.stack.arn("events", f"rule/{full_name}")})


def _remove_other_targets(client: Any, rule: str, bus: str, targets: list[dict[str, Any]]) -> None:
    present = client.list_targets_by_rule(Rule=rule, EventBusName=bus)["Targets"]
    gone = {one["Id"] for one in present} - {one["Id"] for one in targets}
    if gone:
        client.remove_targets(Rule=rule, EventBusName=bus, Ids=sorted(gone))


def create_schedule(schedule: Declaration) -> Created:
    """Make a schedule, or replace it."""
    client = schedule.stack.client("scheduler")
    definition = dict(schedule.properties) | {"Name": schedule.name("Name")}
    try:
        arn = client.create_schedule(**definition)["ScheduleArn"]
    except client.exceptions.ConflictException:
        arn = client.update_schedule(**definition)["ScheduleArn"]
    return Created(definition["Name"], {"Arn": arn})
