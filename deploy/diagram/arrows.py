"""The arrows of the diagram, read from templates.

Rules, schedules, queues' functions, buckets' notifications, balancers and proxies name their targets; what needs an
address has it in its settings; everything else sends because its role may (roles.py).
"""

from collections.abc import Iterator
from typing import Final

from deploy.diagram.resources import Account, Properties, computed_text, parts
from deploy.diagram.roles import APPFLOW, Accounts, Arrow, launch_template, lets_appflow, rights, statements

# Who stands outside both accounts; AppFlow is a service of its account, and its flows are made by the functions.
OUTSIDE: Final = {"people": "browsers, REST clients", "google": "Google Analytics"}

_ADDRESSED: Final = ("AWS::RDS::DBProxy", "AWS::ElastiCache::ReplicationGroup")


def arrows(accounts: Accounts) -> Iterator[Arrow]:
    """Yield from where to where something is sent, as the diagram calls both ends; some more than once."""
    fed = {
        (account.node(queue), account.node(name)) for account in accounts.values() for queue, name in _events(account)
    }
    yield from fed
    for account in accounts.values():
        for source, target in (
            *_targets(account),
            *_of_appflow(account),
            *_served(account),
            *_addresses(account),
        ):
            yield account.node(source), account.node(target)
        yield from _from_outside(account)
        yield from _between(account, accounts)
    # A function may send to the queue that feeds it, to take something up later: that is not a way of the data.
    yield from ((source, target) for source, target in rights(accounts) if (target, source) not in fed)


def _targets(account: Account) -> Iterator[Arrow]:
    """Yield what rules, schedules, buckets and topics name themselves."""
    yield from _rules(account)
    for name, schedule in account.of_type("AWS::Scheduler::Schedule").items():
        if target := account.named(schedule["Target"]["Arn"]):
            yield name, target
    for name, bucket in account.of_type("AWS::S3::Bucket").items():
        notified = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", ())
        yield from ((name, found) for one in notified if (found := account.named(one["Queue"])))
    for name, channel in account.of_type("AWS::Chatbot::SlackChannelConfiguration").items():
        yield from ((found, name) for one in channel["SnsTopicArns"] if (found := account.named(one)))


def _rules(account: Account) -> Iterator[Arrow]:
    for name, rule in account.of_type("AWS::Events::Rule").items():
        if bus := account.named(rule.get("EventBusName")):
            yield bus, name
        yield from ((name, found) for one in rule["Targets"] if (found := account.named(one["Arn"])))


def _of_appflow(account: Account) -> Iterator[Arrow]:
    """Yield the rules that hear AppFlow, and the buckets whose policies let it write."""
    for name, rule in account.of_type("AWS::Events::Rule").items():
        if "aws.appflow" in parts(rule["EventPattern"]):
            yield APPFLOW, name
    for policy in account.of_type("AWS::S3::BucketPolicy").values():
        if any(lets_appflow(one, "s3:PutObject") for one in statements(policy["PolicyDocument"])):
            yield APPFLOW, str(account.named(policy["Bucket"]))


def _events(account: Account) -> Iterator[Arrow]:
    """Yield the queues that functions are fed from."""
    for name, function in account.of_type("AWS::Serverless::Function").items():
        for event in function.get("Events", {}).values():
            if queue := account.named(event["Properties"].get("Queue")):
                yield queue, name


def _served(account: Account) -> Iterator[Arrow]:
    """Yield what stands before what: balancers before their groups of hosts, proxies before their databases."""
    groups = account.of_type("AWS::AutoScaling::AutoScalingGroup")
    for listener in account.of_type("AWS::ElasticLoadBalancingV2::Listener").values():
        targets = set(account.all_named(listener["DefaultActions"]))
        for name, group in groups.items():
            if targets & set(account.all_named(group["TargetGroupARNs"])):
                yield str(account.named(listener["LoadBalancerArn"])), name
    for one in account.of_type("AWS::RDS::DBProxyTargetGroup").values():
        for database in account.all_named(one["DBInstanceIdentifiers"]):
            yield str(account.named(one["DBProxyName"])), database


def _addresses(account: Account) -> Iterator[Arrow]:
    """Yield which functions and hosts have the address of a proxy or a broker in their settings."""
    addressed = {name for kind in _ADDRESSED for name in account.of_type(kind)}
    for name, settings in _settings(account):
        yield from ((name, one) for one in account.all_named(settings) if one in addressed)


def _settings(account: Account) -> Iterator[tuple[str, Properties]]:
    for name, function in account.of_type("AWS::Serverless::Function").items():
        yield name, function.get("Environment", {})
    for name, group in account.of_type("AWS::AutoScaling::AutoScalingGroup").items():
        yield name, launch_template(account, group)["UserData"]


def _from_outside(account: Account) -> Iterator[Arrow]:
    """Yield who comes from outside: people to balancers that face the internet, Google's data to AppFlow."""
    for name, balancer in account.of_type("AWS::ElasticLoadBalancingV2::LoadBalancer").items():
        if balancer.get("Scheme") == "internet-facing":
            yield "people", account.node(name)
    if has_appflow(account):
        yield "google", account.node(APPFLOW)


def has_appflow(account: Account) -> bool:
    """Tell whether AppFlow tells or writes anything in an account: only there are flows."""
    return any(True for _ in _of_appflow(account))


def _between(account: Account, accounts: Accounts) -> Iterator[Arrow]:
    """Yield the rules' ways to the other account's bus, whose ARN is computed."""
    for other in (one for one in accounts.values() if one is not account):
        buses = other.of_type("AWS::Events::EventBus").items()
        entrances = {f"event-bus/{computed_text(bus['Name'])}": name for name, bus in buses}
        for name, rule in account.of_type("AWS::Events::Rule").items():
            for arn in (computed_text(target["Arn"]) for target in rule["Targets"]):
                end = arn.rpartition(":")[2]
                if end in entrances and ":${AWS::AccountId}:" not in arn:
                    yield account.node(name), other.node(entrances[end])
