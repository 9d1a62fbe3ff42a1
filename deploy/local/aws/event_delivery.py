"""Carries an event from a bus through its rules to their targets, as EventBridge does.

moto keeps the buses, rules, targets and policies; it does not deliver rightly, so nothing is delivered by it:
it delivers for disabled rules, makes a new event of one forwarded to another bus (id, account, time and resources
are lost), asks neither roles nor policies, ignores Input and InputPath, and lets a missing queue fail the publisher.
"""

import json
import logging
from collections.abc import Mapping
from typing import Any

from moto.events.models import EventBus, Rule, events_backends

from deploy.local.aws.calls import record_use
from deploy.local.aws.destinations import send_to_queue, send_to_topic
from deploy.local.aws.event_input import target_input
from deploy.local.aws.event_pattern import matches
from deploy.local.aws.policy import AccessRequest, resource_policy_admits
from deploy.local.aws.roles import find_role
from deploy.local.aws.undelivered import DeliveryError, record_undelivered

logger = logging.getLogger(__name__)

SERVICE_PRINCIPAL = "events.amazonaws.com"

Event = dict[str, Any]
Target = dict[str, Any]


def find_bus(account_id: str, region: str, name: str) -> EventBus | None:
    """Return the bus with this name, or None."""
    return events_backends[account_id][region].event_buses.get(name)


def bus_admits(bus: EventBus, principal: str, event: Event, source_arn: str | None = None) -> bool:
    """Tell whether a bus takes an event of this principal: its own account always, others by its policy.

    `source_arn` is the rule that forwards the event, None when a client puts it.
    """
    if principal.split(":")[4] == bus.account_id:
        return True
    context = {"events:source": event["source"], "events:detail-type": event["detail-type"]}
    if source_arn:
        context |= {"aws:SourceArn": source_arn, "aws:SourceAccount": source_arn.split(":")[4]}
    policy = json.loads(bus.policy) if bus.policy else None
    return resource_policy_admits(policy, AccessRequest(principal, "events:PutEvents", bus.arn, context))


def deliver(event: Event, bus: EventBus, is_forwarded: bool = False) -> None:
    """Hand an event to the targets of every rule of the bus that matches it; a failing target fails nobody else.

    `is_forwarded`: the event came from another bus, so it goes to no third one.
    """
    for rule in list(bus.rules.values()):
        if _listens(rule) and matches(rule.event_pattern.get_pattern(), event):
            for target in list(rule.targets):
                _deliver_to_target(event, rule, target, is_forwarded)


def _listens(rule: Rule) -> bool:
    # A rule with a schedule alone has no pattern and matches no event.
    return rule.state != "DISABLED" and bool(rule.event_pattern.dump())


def _deliver_to_target(event: Event, rule: Rule, target: Target, is_forwarded: bool) -> None:
    try:
        _send(event, rule, target, is_forwarded)
    except DeliveryError as error:
        _dead_letter(event, rule, target, error)
    except Exception as error:
        # The publisher was already told that the event is accepted: a defect here must not reach it, nor be lost.
        logger.exception("Delivering event %s of %s to %s broke", event["id"], rule.arn, target["Arn"])
        _dead_letter(event, rule, target, DeliveryError("INTERNAL_ERROR", repr(error)))


def _send(event: Event, rule: Rule, target: Target, is_forwarded: bool) -> None:
    arn, context = target["Arn"], {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}
    match arn.split(":")[2]:
        case "sqs":
            group_id = target.get("SqsParameters", {}).get("MessageGroupId")
            send_to_queue(arn, _body(event, rule, target), SERVICE_PRINCIPAL, context, group_id)
        case "sns":
            send_to_topic(arn, _body(event, rule, target), SERVICE_PRINCIPAL, context)
        case "events" if ":event-bus/" in arn:
            _forward(event, rule, target, is_forwarded)
        case _:
            raise DeliveryError(
                "SDK_CLIENT_ERROR", f"{arn}: the local stack delivers to queues, topics and buses only."
            )


def _body(event: Event, rule: Rule, target: Target) -> str:
    try:
        return target_input(target, event, rule.arn)
    except ValueError as error:
        raise DeliveryError("SDK_CLIENT_ERROR", f"The input of target {target['Id']} is not valid: {error}") from error


def _forward(event: Event, rule: Rule, target: Target, is_forwarded: bool) -> None:
    bus_arn = target["Arn"]
    if is_forwarded:
        raise DeliveryError(
            "NOT_FORWARDED", f"The event came from another bus; EventBridge sends it on to no {bus_arn}."
        )
    _, _, _, region, account_id, resource = bus_arn.split(":", 5)
    bus = find_bus(account_id, region, resource.removeprefix("event-bus/"))
    if bus is None:
        raise DeliveryError("NO_RESOURCE", f"The bus {bus_arn} does not exist.")
    role_arn = _role_that_forwards(rule, target)
    if not bus_admits(bus, role_arn, event, rule.arn):
        raise DeliveryError("NO_PERMISSIONS", f"The policy of {bus_arn} does not admit {role_arn} for {rule.arn}.")
    deliver(event, bus, is_forwarded=True)


def _role_that_forwards(rule: Rule, target: Target) -> str:
    role_arn = str(target.get("RoleArn", ""))
    role = find_role(role_arn)
    if role is None or role_arn.split(":")[4] != rule.account_id:
        raise DeliveryError("NO_PERMISSIONS", f"RoleArn {role_arn!r} is no role of account {rule.account_id}.")
    if not role.trusts(SERVICE_PRINCIPAL, {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}):
        raise DeliveryError("NO_PERMISSIONS", f"{role_arn} does not trust {SERVICE_PRINCIPAL}.")
    if not role.may("events:PutEvents", target["Arn"]):
        raise DeliveryError("NO_PERMISSIONS", f"{role_arn} may not do events:PutEvents on {target['Arn']}.")
    record_use(role_arn, SERVICE_PRINCIPAL, "events:PutEvents", target["Arn"])
    return role_arn


def _dead_letter(event: Event, rule: Rule, target: Target, error: DeliveryError) -> None:
    queue_arn = target.get("DeadLetterConfig", {}).get("Arn")
    if queue_arn is None:
        return record_undelivered(rule.arn, target["Arn"], error, event)
    context = {"aws:SourceArn": rule.arn, "aws:SourceAccount": rule.account_id}
    attributes = _dead_letter_attributes(rule, target, error)
    try:
        send_to_queue(queue_arn, json.dumps(event), SERVICE_PRINCIPAL, context, attributes=attributes)
    except DeliveryError as failure:
        record_undelivered(rule.arn, target["Arn"], error, event)
        record_undelivered(rule.arn, queue_arn, failure, event)
    return None


def _dead_letter_attributes(rule: Rule, target: Target, error: DeliveryError) -> Mapping[str, str]:
    return {
        "RULE_ARN": rule.arn,
        "TARGET_ARN": target["Arn"],
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
    }
