"""Everything that can be taken out of a template, one by one, with the words a checker must then say.

All of it is found in the templates themselves: what is added there is taken out here, too.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

from deploy.local.templates.sam import Template
from tests.architecture.wiring.policies import listed

Path = tuple[str | int, ...]
Found = Iterator[tuple[Path, tuple[str, ...]]]


@dataclass(frozen=True)
class Removal:
    """One element of a template: where it stands under Resources, and what a problem must name without it."""

    stack: str
    path: Path
    words: tuple[str, ...]

    def __str__(self) -> str:
        return "-".join(map(str, (self.stack, *(step for step in self.path if step != "Properties"))))

    def applied(self, template: Template) -> Template:
        """Return the template without the element."""
        logical_id = str(self.path[0])
        resources = dict(template.resources)
        resources[logical_id] = copy.deepcopy(resources[logical_id])
        holder: Any = resources
        for step in self.path[:-1]:
            holder = holder[step]
        del holder[self.path[-1]]
        return replace(template, resources=resources)


def removals(templates: dict[str, Template]) -> list[Removal]:
    """Return every removal from both templates."""
    return [
        Removal(stack, (name, *path), words)
        for stack, template in templates.items()
        for name, resource in template.resources.items()
        for path, words in _within(name, resource)
    ]


def _within(name: str, resource: dict[str, Any]) -> Found:
    kind, properties = resource["Type"], resource["Properties"]
    yield (), _words_of_resource(name, kind, properties)
    if "DependsOn" in resource:
        yield ("DependsOn",), (name, "DependsOn")
    if kind in _FINDERS:
        yield from ((("Properties", *path), words) for path, words in _FINDERS[kind](name, properties))


def _words_of_resource(name: str, kind: str, properties: dict[str, Any]) -> tuple[str, ...]:
    """A policy has no name of its own in AWS: the problem names what it is the policy of."""
    if kind == "AWS::SQS::QueuePolicy":
        return (_logical(properties["Queues"][0]),)
    if kind == "AWS::Events::EventBusPolicy":
        return ("policy", _logical(properties["EventBusName"]))
    if kind == "AWS::S3::BucketPolicy":
        return ("policy", _logical(properties["Bucket"]))
    if kind == "AWS::SNS::TopicPolicy":
        return ("policy", _logical(properties["Topics"][0]))
    if kind == "AWS::CloudWatch::Alarm" and name.endswith("DeadLetterAlarm"):
        return (_logical(properties["Dimensions"][0]["Value"]), "no alarm")
    if kind == "AWS::Lambda::EventSourceMapping":
        return (_logical(properties["FunctionName"]), _logical(properties["EventSourceArn"]))
    return (name,)


def _of_rule(name: str, rule: dict[str, Any]) -> Found:
    yield ("EventPattern",), (name, "EventPattern")
    yield from (((path, (name, "EventPattern"))) for path in _pattern_paths(rule["EventPattern"], ("EventPattern",)))
    for index, target in enumerate(rule["Targets"]):
        yield ("Targets", index), (name, "target")
        for member in ("DeadLetterConfig", "RoleArn", "SqsParameters"):
            if member in target:
                yield ("Targets", index, member), (name, member)
    if "EventBusName" in rule:
        yield ("EventBusName",), (name, "default")


def _pattern_paths(pattern: dict[str, Any], path: Path) -> Iterator[Path]:
    for member, wanted in pattern.items():
        yield (*path, member)
        if isinstance(wanted, dict):
            yield from _pattern_paths(wanted, (*path, member))
        elif len(wanted) > 1:
            yield from ((*path, member, index) for index in range(len(wanted)))


def _of_queue(name: str, queue: dict[str, Any]) -> Found:
    for member in ("RedrivePolicy", "MessageRetentionPeriod", "SqsManagedSseEnabled"):
        if member in queue:
            yield (member,), (name, member)
    if "RedrivePolicy" in queue:
        yield ("RedrivePolicy", "maxReceiveCount"), (name, "maxReceiveCount")
    if "VisibilityTimeout" in queue:
        yield ("VisibilityTimeout",), (name, "VisibilityTimeout")
    if "FifoQueue" in queue:
        yield ("FifoQueue",), (name, "FIFO")
    if "ContentBasedDeduplication" in queue:
        yield ("ContentBasedDeduplication",), (name, "ContentBasedDeduplication")


def _of_policy_of_one(_: str, policy: dict[str, Any]) -> Found:
    """A queue's or a topic's."""
    for path, statement in _statements(policy, ("PolicyDocument",)):
        words = ("policy", _logical(statement["Resource"]))
        yield path, words
        yield from _conditions(path, statement, words)


def _of_alarm(name: str, alarm: dict[str, Any]) -> Found:
    for member in alarm:  # without its name it has a made-up one, which may not publish
        yield (member,), (name, "no policy" if member == "AlarmName" else member)


def _of_topic(name: str, topic: dict[str, Any]) -> Found:
    if "KmsMasterKeyId" in topic:
        yield ("KmsMasterKeyId",), (name, "KmsMasterKeyId")


def _of_key(name: str, key: dict[str, Any]) -> Found:
    yield ("EnableKeyRotation",), (name, "EnableKeyRotation")
    for path, statement in _statements(key, ("KeyPolicy",)):
        yield path, ("policy", name)
        yield from _conditions(path, statement, ("policy", name))
        for index, action in enumerate(_several(statement["Action"])):
            yield (*path, "Action", index), ("policy", name, action.removesuffix("*"))


def _of_bus_policy(_: str, policy: dict[str, Any]) -> Found:
    yield from _conditions(("Statement",), policy["Statement"], ("policy", _logical(policy["EventBusName"])))


def _of_bucket_policy(_: str, policy: dict[str, Any]) -> Found:
    words = ("policy", _logical(policy["Bucket"]))
    for path, statement in _statements(policy, ("PolicyDocument",)):
        yield path, words
        yield from _conditions(path, statement, words)
        for index, action in enumerate(_several(statement["Action"])):
            yield (*path, "Action", index), (*words, action)
        for index in range(len(_several(statement["Resource"]))):
            yield (*path, "Resource", index), words


def _of_role(name: str, role: dict[str, Any]) -> Found:
    for path, statement in _statements(role, ("AssumeRolePolicyDocument",)):
        yield path, (name, "trust")
        yield from _conditions(path, statement, (name, "trust"))
        for kind, principals in statement["Principal"].items():
            for index in range(len(_several(principals))):
                yield (*path, "Principal", kind, index), (name, "trust")
    for index, policy in enumerate(role.get("Policies", ())):
        for path, statement in _statements(policy, ("Policies", index, "PolicyDocument")):
            yield from _rights(path, statement, name)


def _rights(path: Path, statement: dict[str, Any], role: str) -> Found:
    yield path, (role, "may not", _as_shipped(listed(statement["Action"])[0]))
    yield from _conditions(path, statement, (role, "on everything"))
    for index, action in enumerate(_several(statement["Action"])):
        yield (*path, "Action", index), (role, "may not", action)
    for index in range(len(_several(statement["Resource"]))):
        yield (*path, "Resource", index), (role, "may not")
    for index in range(len(_several(statement["Resource"]))):
        yield (*path, "Resource", index), (role, "may not")


def _of_bucket(name: str, bucket: dict[str, Any]) -> Found:
    for member in (
        "BucketEncryption",
        "LifecycleConfiguration",
        "NotificationConfiguration",
        "OwnershipControls",
        "PublicAccessBlockConfiguration",
    ):
        if member in bucket:
            yield (member,), (name, member)
    for index in range(len(bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", ()))):
        path = ("NotificationConfiguration", "QueueConfigurations", index)
        yield path, (name, "NotificationConfiguration")
        yield (*path, "Filter"), (name, "Filter")


def _of_schedule(name: str, schedule: dict[str, Any]) -> Found:
    for member in ("DeadLetterConfig", "Input", "RoleArn"):
        if member in schedule["Target"]:
            yield ("Target", member), (name, member)


def _of_function(name: str, function: dict[str, Any]) -> Found:
    yield from ((("Layers", index), (name, "Layers")) for index in range(len(function["Layers"])))
    yield from (((member,), (name, member)) for member in ("LoggingConfig", "TracingConfig"))
    if "DeadLetterConfig" in function:
        yield ("DeadLetterConfig",), (name, "DeadLetterConfig")
    for variable in function["Environment"]["Variables"]:
        yield ("Environment", "Variables", variable), (name, variable)


def _of_log_group(name: str, group: dict[str, Any]) -> Found:
    yield from (((member,), (name, member)) for member in group)


def _of_filter(name: str, declared: dict[str, Any]) -> Found:
    yield from (((member,), (name, member)) for member in declared)


def _of_dashboard(_: str, dashboard: dict[str, Any]) -> Found:
    yield from (((member,), (member,)) for member in dashboard)


def _of_budget(name: str, budget: dict[str, Any]) -> Found:
    yield from (((member,), (name,)) for member in budget)
    for index in range(len(budget["NotificationsWithSubscribers"])):
        yield ("NotificationsWithSubscribers", index), (name, "tell")


def _of_event_reader(name: str, declared: dict[str, Any]) -> Found:
    """An archive, a registry, a schema or a discoverer."""
    yield from (((member,), (name, member)) for member in declared if member not in ("Description",))
    sources = declared.get("EventPattern", {}).get("source", ())
    yield from ((("EventPattern", "source", index), (name, "EventPattern")) for index in range(len(sources)))


def _of_event_source(_: str, source: dict[str, Any]) -> Found:
    yield ("FunctionResponseTypes",), (_logical(source["FunctionName"]), "FunctionResponseTypes")


def _of_managed_policy(name: str, policy: dict[str, Any]) -> Found:
    for path, statement in _statements(policy, ("PolicyDocument",)):
        yield from _rights(path, statement, name)


def _of_table(name: str, table: dict[str, Any]) -> Found:
    for member in ("TimeToLiveSpecification", "SSESpecification"):
        yield (member,), (name, member)


def _of_channel(name: str, channel: dict[str, Any]) -> Found:
    for member in sorted(channel.keys() - {"ConfigurationName", "SlackWorkspaceId", "SlackChannelId"}):
        yield (member,), (name, member)
        for index in range(len(_several(channel[member]))):
            yield (member, index), (name, member)


def _of_action(name: str, action: dict[str, Any]) -> Found:
    for index, attachment in enumerate(action["Attachments"]):
        path = ("Attachments", index)
        yield path, (name, "button")
        for place in range(len(_several(attachment["Criteria"]))):
            yield (*path, "Criteria", place), (name, "button")
        for variable in attachment["Variables"]:
            yield (*path, "Variables", variable), (name,)


def _of_secret(name: str, secret: dict[str, Any]) -> Found:
    for member in ("SecretString", "GenerateSecretString"):
        if member in secret:
            yield (member,), (name, member)


_FINDERS: Final[dict[str, Callable[[str, dict[str, Any]], Found]]] = {
    "AWS::Chatbot::CustomAction": _of_action,
    "AWS::Chatbot::SlackChannelConfiguration": _of_channel,
    "AWS::Budgets::Budget": _of_budget,
    "AWS::CloudWatch::Alarm": _of_alarm,
    "AWS::CloudWatch::Dashboard": _of_dashboard,
    "AWS::DynamoDB::Table": _of_table,
    "AWS::EventSchemas::Discoverer": _of_event_reader,
    "AWS::EventSchemas::Registry": _of_event_reader,
    "AWS::EventSchemas::Schema": _of_event_reader,
    "AWS::Events::Archive": _of_event_reader,
    "AWS::Events::EventBusPolicy": _of_bus_policy,
    "AWS::Events::Rule": _of_rule,
    "AWS::IAM::ManagedPolicy": _of_managed_policy,
    "AWS::IAM::Role": _of_role,
    "AWS::KMS::Key": _of_key,
    "AWS::Lambda::EventSourceMapping": _of_event_source,
    "AWS::Lambda::Function": _of_function,
    "AWS::Logs::LogGroup": _of_log_group,
    "AWS::Logs::MetricFilter": _of_filter,
    "AWS::S3::Bucket": _of_bucket,
    "AWS::S3::BucketPolicy": _of_bucket_policy,
    "AWS::SNS::Topic": _of_topic,
    "AWS::SNS::TopicPolicy": _of_policy_of_one,
    "AWS::SQS::Queue": _of_queue,
    "AWS::SQS::QueuePolicy": _of_policy_of_one,
    "AWS::Scheduler::Schedule": _of_schedule,
    "AWS::SecretsManager::Secret": _of_secret,
}


def _statements(holder: dict[str, Any], path: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the statements that always stand; those under a condition are compared with calls instead."""
    document = holder[str(path[-1])]
    for index, statement in enumerate(document["Statement"]):
        if "Fn::If" not in statement:
            yield (*path, "Statement", index), statement


def _as_shipped(value: Any) -> Any:
    """Return what a value is with the parameters that the templates have here, which no cluster is given by."""
    return value["Fn::If"][2] if isinstance(value, dict) else value


def _conditions(path: Path, statement: dict[str, Any], words: tuple[str, ...]) -> Found:
    found, place = statement.get("Condition", {}), (*path, "Condition")
    if "Fn::If" in found:  # one that a parameter can take out: what stands there if it does not
        found, place = found["Fn::If"][1], (*place, "Fn::If", 1)
    for operator, keys in found.items():
        yield (*place, operator), words
        for key, values in keys.items():
            for index in range(len(_several(values))):
                yield (*place, operator, key, index), words


def _logical(value: Any) -> str:
    """Return the resource that a `Ref` or `Fn::GetAtt` is about."""
    argument = value.get("Ref") or value["Fn::GetAtt"]
    return argument.split(".")[0] if isinstance(argument, str) else str(argument[0])


def _several(value: Any) -> list[Any]:
    """Return the elements of a list of which one can be taken out; the last one would leave nothing."""
    return value if isinstance(value, list) and len(value) > 1 else []
