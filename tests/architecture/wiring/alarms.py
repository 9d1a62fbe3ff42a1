"""The alarms: one on each dead-letter queue, and a topic that they, and nobody else, publish to."""

import re
from collections.abc import Iterator
from typing import Any, Final

from deploy.local.aws.policy import AccessRequest, resource_policy_admits
from deploy.local.state import REPOSITORY
from tests.architecture.wiring.policies import STRANGER, topic_policy
from tests.architecture.wiring.stacks import Properties, Stack

TOPIC: Final = "AlarmTopic"
_RUNBOOK: Final = REPOSITORY / "docs/runbook.md"
_SECTION: Final = re.compile(r'docs/runbook\.md says under "([^"]+)"')
_RINGS: Final = {  # as soon as one message lies there
    "Namespace": "AWS/SQS",
    "MetricName": "ApproximateNumberOfMessagesVisible",
    "Statistic": "Maximum",
    "Period": 60,
    "EvaluationPeriods": 1,
    "Threshold": 0,
    "ComparisonOperator": "GreaterThanThreshold",
    "TreatMissingData": "notBreaching",
}


def alarm_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say which dead letters nobody would hear of, and who else could ring."""
    for stack in stacks.values():
        alarms = stack.of_type("AWS::CloudWatch::Alarm")
        for name, alarm in alarms.items():
            yield from (f"{name}: {one}" for one in _alarm_problems(stack, alarm))
        for queue in sorted(_dead_letter_queues(stack) - {_watched(stack, alarm) for alarm in alarms.values()}):
            yield f"{queue} has no alarm: nobody would hear of what lies there."
        yield from _topic_problems(stack)
        yield from _key_problems(stack)


def _dead_letter_queues(stack: Stack) -> set[str]:
    """Return the queues that are called so, and whatever else something is given up to."""
    queues, rules = stack.of_type("AWS::SQS::Queue"), stack.of_type("AWS::Events::Rule")
    targets = [target for rule in rules.values() for target in rule.get("Targets", ())]
    targets += [schedule["Target"] for schedule in stack.of_type("AWS::Scheduler::Schedule").values()]
    arns = [target.get("DeadLetterConfig", {}).get("Arn") for target in targets]
    arns += [queue.get("RedrivePolicy", {}).get("deadLetterTargetArn") for queue in queues.values()]
    called_so = {name for name in queues if name.endswith("DeadLetterQueue")}
    return called_so | {name for arn in arns if (name := stack.named(arn))}


def _watched(stack: Stack, alarm: Properties) -> str | None:
    names = {queue["QueueName"]: name for name, queue in stack.of_type("AWS::SQS::Queue").items()}
    match alarm.get("Dimensions"):
        case [{"Name": "QueueName", "Value": value}]:
            return names.get(value)
    return None


def _alarm_problems(stack: Stack, alarm: Properties) -> Iterator[str]:
    if _watched(stack, alarm) not in _dead_letter_queues(stack):
        yield f"its Dimensions {alarm.get('Dimensions')} are no dead-letter queue of the stack."
    for member, value in _RINGS.items():
        if alarm.get(member) != value:
            yield f"its {member} must be {value}."
    for member in ("AlarmActions", "OKActions"):
        if [stack.named(arn) for arn in alarm.get(member, ())] != [TOPIC]:
            yield f"its {member} must be {TOPIC}, and nothing else."
    if not alarm.get("ActionsEnabled", True):
        yield "its ActionsEnabled is false."
    section = _SECTION.search(alarm.get("AlarmDescription", ""))
    if section is None or section[1] not in re.findall(r"^#+ (.+)$", _RUNBOOK.read_text(), re.MULTILINE):
        yield "its AlarmDescription names no section of docs/runbook.md."


def _topic_problems(stack: Stack) -> Iterator[str]:
    for name, topic in stack.of_type("AWS::SNS::Topic").items():
        key = stack.named(topic.get("KmsMasterKeyId"))
        if key is None or stack.types[key] != "AWS::KMS::Key":
            yield f"{name} has no KmsMasterKeyId of the stack: under AWS's own key CloudWatch could not publish."
    yield from _access_problems(stack, TOPIC, topic_policy(stack, TOPIC), "sns:Publish", stack.refs[TOPIC])


def _key_problems(stack: Stack) -> Iterator[str]:
    root = f"arn:aws:iam::{stack.account.account_id}:root"
    for name, key in stack.of_type("AWS::KMS::Key").items():
        policy = key.get("KeyPolicy", {})
        if not key.get("EnableKeyRotation"):
            yield f"{name}: EnableKeyRotation must be true."
        if not resource_policy_admits(policy, AccessRequest(root, "kms:PutKeyPolicy", "*")):
            yield f"no policy of {name} lets its own account manage it."
        for action in ("kms:Decrypt", "kms:GenerateDataKey"):
            yield from _access_problems(stack, name, policy, action, "*")


def _access_problems(stack: Stack, name: str, policy: Any, action: str, resource: str) -> Iterator[str]:
    def admits(context: dict[str, str]) -> bool:
        return resource_policy_admits(policy, AccessRequest("cloudwatch.amazonaws.com", action, resource, context))

    for alarm in stack.of_type("AWS::CloudWatch::Alarm"):
        said = {"aws:SourceAccount": stack.account.account_id, "aws:SourceArn": stack.arns[alarm]}
        if not admits(said):
            yield f"no policy of {name} lets {alarm} do {action}."
        if admits({**said, "aws:SourceAccount": STRANGER}):
            yield f"a policy of {name} lets alarms of any account do {action}."
        if admits({**said, "aws:SourceArn": said["aws:SourceArn"].replace(":alarm:", ":dashboard:")}):
            yield f"a policy of {name} lets more than alarms do {action}."
