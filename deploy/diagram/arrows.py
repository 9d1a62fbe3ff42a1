"""The arrows of the diagram, read from templates.

Rules, schedules, queues' functions and buckets' notifications name their targets; everything else sends because a role
may: so arrows are read from rights, too.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.diagram.resources import SHAPES, Account, computed_text, listed

_SENDING: Final = frozenset({"events:PutEvents", "sqs:SendMessage", "sns:Publish", "s3:PutObject"})
_RECEIVING: Final = "sqs:ReceiveMessage"

Arrow = tuple[str, str]


def arrows(accounts: Mapping[str, Account]) -> Iterator[Arrow]:
    """Yield from where to where something is sent, as the diagram calls both ends; some more than once."""
    for account in accounts.values():
        for source, target in (*_targets(account), *_events(account), *_rights(account)):
            yield account.node(source), account.node(target)
        yield from _between(account, accounts)


def _targets(account: Account) -> Iterator[Arrow]:
    """Yield what rules, schedules, buckets and topics name themselves."""
    for name, rule in account.of_type("AWS::Events::Rule").items():
        if bus := account.named(rule.get("EventBusName")):
            yield bus, name
        yield from ((name, found) for one in rule["Targets"] if (found := account.named(one["Arn"])))
    for name, schedule in account.of_type("AWS::Scheduler::Schedule").items():
        if target := account.named(schedule["Target"]["Arn"]):
            yield name, target
    for name, bucket in account.of_type("AWS::S3::Bucket").items():
        notified = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", ())
        yield from ((name, found) for one in notified if (found := account.named(one["Queue"])))
    for name, channel in account.of_type("AWS::Chatbot::SlackChannelConfiguration").items():
        yield from ((found, name) for one in channel["SnsTopicArns"] if (found := account.named(one)))


def _events(account: Account) -> Iterator[Arrow]:
    """Yield the queues that functions are fed from."""
    for name, function in account.of_type("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if queue := account.named(event["Properties"].get("Queue")):
                yield queue, name


def _rights(account: Account) -> Iterator[Arrow]:
    """Yield to whom functions may send, and to and from whom the roles that nothing of the stack acts with."""
    roles = account.of_type("AWS::IAM::Role")
    owners = _owners(account)
    fed = {(target, source) for source, target in _events(account)}
    for role, properties in roles.items():
        for sender in owners.get(role, [role]):
            for is_sent, resource in _allowed(account, properties.get("Policies", ())):
                if is_sent and (sender, resource) not in fed:
                    yield sender, resource
                elif not is_sent and role not in owners:
                    yield resource, sender
    for name, function in account.of_type("AWS::Serverless::Function").items():
        documents = [one for one in function.get("Policies", ()) if isinstance(one, Mapping) and "Statement" in one]
        found = _allowed(account, [{"PolicyDocument": one} for one in documents])
        yield from ((name, resource) for is_sent, resource in found if is_sent and (name, resource) not in fed)


def _owners(account: Account) -> dict[str, list[str]]:
    """Return the roles that the stack itself acts with, and their functions; rules and schedules name their targets."""
    owners: dict[str, list[str]] = {}
    for name, function in account.of_type("AWS::Serverless::Function").items():
        if role := account.named(function.get("Role")):
            owners.setdefault(role, []).append(name)
    targets = [one for rule in account.of_type("AWS::Events::Rule").values() for one in rule["Targets"]]
    targets += [schedule["Target"] for schedule in account.of_type("AWS::Scheduler::Schedule").values()]
    for target in targets:
        if role := account.named(target.get("RoleArn")):
            owners.setdefault(role, [])
    return owners


def _allowed(account: Account, policies: Any) -> Iterator[tuple[bool, str]]:
    """Yield each resource that policies let somebody send to (True) or receive from (False)."""
    for policy in policies:
        for statement in policy["PolicyDocument"]["Statement"]:
            actions = set(listed(statement.get("Action", ())))
            for resource in listed(statement.get("Resource", ())):
                name = account.named(resource)
                if name in _drawn(account) and statement["Effect"] == "Allow":
                    yield from ((True, str(name)) for _ in actions & _SENDING)
                    yield from ((False, str(name)) for _ in actions & {_RECEIVING})


def _drawn(account: Account) -> set[str]:
    return {name for kind in SHAPES for name in account.of_type(kind)}


def _between(account: Account, accounts: Mapping[str, Account]) -> Iterator[Arrow]:
    """Yield the ways into the other account, which are computed names: rules to its bus, roles to its roles."""
    for other in (one for one in accounts.values() if one is not account):
        entrances = dict(_entrances(other))
        for name, arn in _computed(account):
            end = arn.rpartition(":")[2]
            if end in entrances and "::${AWS::AccountId}:" not in arn:
                yield account.node(name), other.node(entrances[end])


def _entrances(account: Account) -> Iterator[tuple[str, str]]:
    """Yield how the ARNs of buses and roles end, with their logical ids."""
    for name, bus in account.of_type("AWS::Events::EventBus").items():
        yield f"event-bus/{computed_text(bus['Name'])}", name
    for name, role in account.of_type("AWS::IAM::Role").items():
        yield f"role/{computed_text(role.get('RoleName'))}", name


def _computed(account: Account) -> Iterator[tuple[str, str]]:
    """Yield each rule, and each role that nothing of the stack acts with, with the ARNs that it computes."""
    for name, rule in account.of_type("AWS::Events::Rule").items():
        yield from ((name, computed_text(target["Arn"])) for target in rule["Targets"])
    owners = _owners(account)
    for name, role in account.of_type("AWS::IAM::Role").items():
        if name in owners:
            continue
        statements = (one for policy in role.get("Policies", ()) for one in policy["PolicyDocument"]["Statement"])
        yield from ((name, computed_text(arn)) for one in statements for arn in listed(one.get("Resource", ())))
