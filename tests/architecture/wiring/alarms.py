"""The alarms: on every queue and every function, and a topic that they, and nobody else, publish to."""

import functools
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from deploy.local.aws.policy import AccessRequest, resource_policy_admits
from deploy.local.state import REPOSITORY
from tests.architecture.wiring.policies import STRANGER, topic_policy
from tests.architecture.wiring.stacks import NAMESPACE, Properties, Stack

TOPIC: Final = "AlarmTopic"
_RUNBOOK: Final = REPOSITORY / "docs/runbook.md"
_SECTION: Final = re.compile(r'docs/runbook\.md says under "([^"]+)"')


def _rings(namespace: str, metric: str, statistic: str, period: int, times: int, above: int, **more: Any) -> Properties:
    return {
        "Namespace": namespace,
        "MetricName": metric,
        "Statistic": statistic,
        "Period": period,
        "EvaluationPeriods": times,
        "Threshold": above,
        "ComparisonOperator": "GreaterThanThreshold",
        "TreatMissingData": "notBreaching",
        **more,
    }


# By how the alarm's name ends: what it is on, and when it rings.
_ON_QUEUES: Final = {
    "DeadLetterAlarm": _rings("AWS/SQS", "ApproximateNumberOfMessagesVisible", "Maximum", 60, 1, 0),
    "AgeAlarm": _rings("AWS/SQS", "ApproximateAgeOfOldestMessage", "Maximum", 300, 1, 1800),
}
_ON_FUNCTIONS: Final = {
    "ErrorsAlarm": _rings("AWS/Lambda", "Errors", "Sum", 300, 1, 0),
    "ThrottlesAlarm": _rings("AWS/Lambda", "Throttles", "Sum", 300, 3, 0),
}
_SPEAK_SQL: Final = frozenset({"WORKGROUP_NAME", "WAREHOUSE_SECRET_ARN"})  # settings of functions that do
_OWN: Final[dict[str, dict[str, Properties]]] = {
    "app": {
        "QuarantineAlarm": _rings(NAMESPACE, "QuarantinesOpened", "Sum", 300, 1, 0),
        # Silence is a fault: then worker, beat or broker is down.
        "OutboxLagAlarm": _rings(NAMESPACE, "OutboxLagSeconds", "Maximum", 60, 5, 60, TreatMissingData="breaching"),
        "EventsGivenUpAlarm": _rings(NAMESPACE, "EventsGivenUp", "Maximum", 60, 1, 0),
        "ReportsBehindAlarm": _rings(NAMESPACE, "ReportsBehind", "Minimum", 3600, 1, 0),
    },
    "warehouse": {
        "StatementsFailedAlarm": {
            "EvaluationPeriods": 4,
            "DatapointsToAlarm": 3,
            "Threshold": 0,
            "ComparisonOperator": "GreaterThanThreshold",
            "TreatMissingData": "notBreaching",
        }
    },
}


def alarm_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say of what nobody would hear, and who else could ring."""
    for account, stack in stacks.items():
        alarms = stack.of_type("AWS::CloudWatch::Alarm")
        expected = dict(_expected(stack, _OWN[account]))
        for name in expected.keys() - alarms.keys():
            yield f"{name} is missing: nobody would hear of what it is on."
        for name, alarm in alarms.items():
            wanted = expected.get(name, _ON_QUEUES["DeadLetterAlarm"])
            yield from (f"{name}: {one}" for one in _alarm_problems(stack, name, alarm, wanted))
        for queue in sorted(_dead_letter_queues(stack) - {_watched(stack, alarm) for alarm in alarms.values()}):
            yield f"{queue} has no alarm: nobody would hear of what lies there."
        yield from _topic_problems(stack)
        yield from _key_problems(stack)
    yield from _statement_problems(stacks["warehouse"])


def _expected(stack: Stack, own: Mapping[str, Properties]) -> Iterator[tuple[str, Properties]]:
    """Yield what must ring when, by the alarm's logical id; the dead-letter queues' have names of their own."""
    yield from own.items()
    for queue in stack.of_type("AWS::SQS::Queue").keys() - _dead_letter_queues(stack):
        yield f"{queue}AgeAlarm", _ON_QUEUES["AgeAlarm"]
    for function in stack.of_type("AWS::Lambda::Function"):
        yield from ((f"{function}{ending}", rings) for ending, rings in _ON_FUNCTIONS.items())


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
    queues = {queue["QueueName"]: name for name, queue in stack.of_type("AWS::SQS::Queue").items()}
    match alarm.get("Dimensions"):
        case [{"Name": "QueueName", "Value": value}]:
            return queues.get(value)
        case [{"Name": "FunctionName", "Value": value}]:
            return stack.named(value)
    return None


def _alarm_problems(stack: Stack, name: str, alarm: Properties, rings: Properties) -> Iterator[str]:
    yield from _dimension_problems(stack, name, alarm)
    for member, value in rings.items():
        if alarm.get(member) != value:
            yield f"its {member} must be {value}."
    for member in ("AlarmActions", "OKActions"):
        if [stack.named(arn) for arn in alarm.get(member, ())] != [TOPIC]:
            yield f"its {member} must be {TOPIC}, and nothing else."
    if not alarm.get("ActionsEnabled", True):
        yield "its ActionsEnabled is false."
    section = _SECTION.search(alarm.get("AlarmDescription", ""))
    if section is None or section[1] not in _runbook_sections():
        yield "its AlarmDescription names no section of docs/runbook.md."


@functools.cache
def _runbook_sections() -> list[str]:
    return re.findall(r"^#+ (.+)$", _RUNBOOK.read_text(), re.MULTILINE)


def _dimension_problems(stack: Stack, name: str, alarm: Properties) -> Iterator[str]:
    watched = _watched(stack, alarm)
    endings = (*_ON_FUNCTIONS, "AgeAlarm")
    if ending := next((one for one in endings if name.endswith(one)), None):
        if watched != name.removesuffix(ending):
            yield f"its Dimensions {alarm.get('Dimensions')} are not those of {name.removesuffix(ending)}."
    elif name.endswith("DeadLetterAlarm") and watched not in _dead_letter_queues(stack):
        yield f"its Dimensions {alarm.get('Dimensions')} are no dead-letter queue of the stack."


def _statement_problems(stack: Stack) -> Iterator[str]:
    alarm, speaking = stack.properties.get("StatementsFailedAlarm", {}), set(_speaking_sql(stack))
    metrics = list(alarm.get("Metrics", ()))
    sums = [one["Expression"] for one in metrics if one.get("ReturnData")]
    found = [one["MetricStat"] for one in metrics if "MetricStat" in one]
    services = [one["Metric"]["Dimensions"][0]["Value"] for one in found]
    own = {(one["Metric"]["Namespace"], one["Metric"]["MetricName"], one["Period"], one["Stat"]) for one in found}
    if sums != ["SUM(METRICS())"] or sorted(services) != sorted(speaking):
        yield f"StatementsFailedAlarm: its Metrics do not add up those of {sorted(speaking)}."
    body = stack.properties.get("Dashboard", {}).get("DashboardBody", "")
    for service in sorted(speaking):
        if f'"StatementsFailed", "service", "{service}"' not in body:
            yield f"Dashboard does not show the StatementsFailed of {service}."
    if own != {(NAMESPACE, "StatementsFailed", 900, "Sum")}:
        yield f"StatementsFailedAlarm: its Metrics are {own}."


def _speaking_sql(stack: Stack) -> Iterator[str]:
    """Yield the services, as metrics name them, of the functions that speak to the warehouse."""
    for function in stack.of_type("AWS::Lambda::Function").values():
        variables = function.get("Environment", {}).get("Variables", {})
        if _SPEAK_SQL & variables.keys():
            yield str(variables.get("POWERTOOLS_SERVICE_NAME"))


def _topic_problems(stack: Stack) -> Iterator[str]:
    for name, topic in stack.of_type("AWS::SNS::Topic").items():
        key = stack.named(topic.get("KmsMasterKeyId"))
        if key is None or stack.types[key] != "AWS::KMS::Key":
            yield f"{name} has no KmsMasterKeyId of the stack: under AWS's own key CloudWatch could not publish."
    yield from _access_problems(stack, TOPIC, topic_policy(stack, TOPIC), "sns:Publish", stack.refs[TOPIC])
    yield from _denial_problems(stack)


def _denial_problems(stack: Stack) -> Iterator[str]:
    """Say who could publish who may publish to any topic, and how."""
    anybody = {"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}
    opened = {"Statement": [anybody, *topic_policy(stack, TOPIC)["Statement"]]}

    def admits(principal: str, context: dict[str, str]) -> bool:
        return resource_policy_admits(opened, AccessRequest(principal, "sns:Publish", stack.refs[TOPIC], context))

    root = f"arn:aws:iam::{stack.account.account_id}:root"
    if admits(root, {}):
        yield f"no policy of {TOPIC} keeps others than alarms from publishing, who may publish to any topic."
    alarm = {"aws:SourceArn": stack.arns[next(iter(stack.of_type("AWS::CloudWatch::Alarm")))]}
    if admits("cloudwatch.amazonaws.com", {**alarm, "aws:SecureTransport": "false"}):
        yield f"no policy of {TOPIC} refuses what comes without TLS."


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
