"""What fills the queues beside rules - bucket and schedules - and what becomes of messages that fail."""

import json
from collections.abc import Iterator
from typing import Any, Final

from dataflows.contracts.naming import unload_control_prefix, unload_data_prefix
from message_batches.waiting import SHORTEST_SHARE, wait_seconds
from tests.architecture.wiring.functions import FEEDS
from tests.architecture.wiring.policies import STRANGER, queue_admits, role_may, role_trusts
from tests.architecture.wiring.stacks import Properties, Stack

# schedule → the queue it must fill, and what its message must hold beside the moment
SCHEDULES: Final[dict[str, tuple[str, dict[str, Any]]]] = {
    "AdvanceSchedule": ("AdvanceQueue", {}),
    "SweepSchedule": ("WatchQueue", {"sweep": True}),
}
_MOMENT: Final = "<aws.scheduler.scheduled-time>"
_LONGEST_OUTAGE_SECONDS: Final = 3600  # of a database: what is tried for so long is not given up
_MOST_RECEIPTS: Final = 20
_RETENTION_SECONDS: Final = 14 * 24 * 3600  # the longest SQS keeps a message


def queue_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say what is wrong with queues, the schedules and the bucket that fill them."""
    for stack in stacks.values():
        yield from _redrive_problems(stack)
        yield from _policy_problems(stack)
    yield from _schedule_problems(stacks["warehouse"])
    yield from _notification_problems(stacks["app"])


def _redrive_problems(stack: Stack) -> Iterator[str]:
    queues = stack.of_type("AWS::SQS::Queue")
    for name, queue in queues.items():
        if int(queue.get("MessageRetentionPeriod", 0)) != _RETENTION_SECONDS:
            yield f"{name}: MessageRetentionPeriod must be 14 days, or messages are lost over a long weekend."
        if not queue.get("SqsManagedSseEnabled"):
            yield f"{name}: SqsManagedSseEnabled must be true."
        if not name.endswith("DeadLetterQueue"):
            yield from (f"{name}: {problem}" for problem in _dead_letter_problems(stack, name, queue))


def _policy_problems(stack: Stack) -> Iterator[str]:
    for name, policy in stack.of_type("AWS::SQS::QueuePolicy").items():
        arns = [stack.arns[queue] for queue in stack.refs if stack.refs[queue] in policy["Queues"]]
        named = [statement["Resource"] for statement in policy["PolicyDocument"]["Statement"]]
        if len(arns) != 1 or any(resource != arns[0] for resource in named):
            yield f"{name}: SQS takes a policy that names its one queue only, and one resource a statement."


def _dead_letter_problems(stack: Stack, name: str, queue: Properties) -> Iterator[str]:
    redrive = queue.get("RedrivePolicy", {})
    dead_letters = stack.named(redrive.get("deadLetterTargetArn"))
    if dead_letters is None:
        yield "it has no RedrivePolicy: a message that always fails would be tried for ever."
        return
    if not dead_letters.endswith("DeadLetterQueue"):
        yield f"its RedrivePolicy names {dead_letters}, which is no dead-letter queue."
    receipts = int(redrive.get("maxReceiveCount", 0))
    if receipts > _MOST_RECEIPTS or _tried_seconds(name, queue, receipts) < _LONGEST_OUTAGE_SECONDS:
        yield f"with its VisibilityTimeout and maxReceiveCount {receipts} a message is not tried for just over an hour."
    if bool(queue.get("FifoQueue")) != bool(stack.properties[dead_letters].get("FifoQueue")):
        yield f"{dead_letters} must be FIFO exactly if the queue is."


def _tried_seconds(name: str, queue: Properties, receipts: int) -> int:
    """Return how long at least lies between a message's first receipt and its last."""
    if name in FEEDS.values():
        return sum(wait_seconds(count, SHORTEST_SHARE) for count in range(1, receipts))
    return (receipts - 1) * int(queue.get("VisibilityTimeout", 30))


def _schedule_problems(stack: Stack) -> Iterator[str]:
    schedules = stack.of_type("AWS::Scheduler::Schedule")
    for name in schedules.keys() - SCHEDULES.keys():
        yield f"{name} is no schedule of the line: name it in SCHEDULES."
    for name, (queue, content) in SCHEDULES.items():
        if name in schedules:
            yield from (f"{name}: {one}" for one in _one_schedule_problems(stack, schedules[name], queue, content))
        else:
            yield f"{name} is missing: nothing fills {queue} by the clock."


def _one_schedule_problems(stack: Stack, schedule: Properties, queue: str, content: dict[str, Any]) -> Iterator[str]:
    target = schedule["Target"]
    if schedule.get("State", "ENABLED") != "ENABLED":
        yield "it is not enabled."
    if stack.named(target["Arn"]) != queue:
        yield f"its target is {target['Arn']}, not {queue}."
    if json.loads(target.get("Input", "{}")) != {**content, "at": _MOMENT}:
        yield f"its Input is not {content} with the moment."
    dead_letters = stack.named(target.get("DeadLetterConfig", {}).get("Arn"))
    if dead_letters is None or stack.properties[dead_letters].get("FifoQueue"):
        yield "its target has no DeadLetterConfig with a standard queue."
    role = stack.named(target.get("RoleArn"))
    if role is None:
        yield "its target has no RoleArn."
        return
    arns = [target["Arn"], *([stack.arns[dead_letters]] if dead_letters else [])]
    yield from _schedule_role_problems(stack, role, arns)


def _schedule_role_problems(stack: Stack, name: str, arns: list[str]) -> Iterator[str]:
    role, principal = stack.properties[name], "scheduler.amazonaws.com"
    if not role_trusts(role, principal, {"aws:SourceAccount": stack.account.account_id}):
        yield f"{name} does not trust {principal}."
    if role_trusts(role, principal, {"aws:SourceAccount": STRANGER}):
        yield f"{name} trusts {principal} for any account."
    for arn in arns:
        if not role_may(role, "sqs:SendMessage", arn):
            yield f"{name} may not do sqs:SendMessage on {stack.named(arn)}."


def _notification_problems(stack: Stack) -> Iterator[str]:
    if missing := {"UnloadBucket", "UpsertQueue"} - stack.types.keys():
        yield f"{', '.join(sorted(missing))} is missing."
        return
    bucket = stack.properties["UnloadBucket"]
    found = bucket.get("NotificationConfiguration", {}).get("QueueConfigurations", [])
    wanted = [one for one in found if stack.named(one["Queue"]) == "UpsertQueue"]
    if len(found) != 1 or not wanted:
        yield "UnloadBucket has no NotificationConfiguration, or another one than the one to UpsertQueue."
        return
    yield from _filter_problems(wanted[0])
    yield from _bucket_send_problems(stack)


def _filter_problems(configuration: dict[str, Any]) -> Iterator[str]:
    if configuration["Event"] != "s3:ObjectCreated:*":
        yield f"UnloadBucket's notification is of {configuration['Event']}, not of objects however created."
    rules = configuration.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    control, data = unload_control_prefix("pages", "0" * 32), unload_data_prefix("pages", "0" * 32)
    if not _passes(rules, f"{control}manifest"):
        yield "UnloadBucket's notification Filter keeps control manifests out."
    for key in (f"{control}0000_part_00.parquet", f"{data}manifest", f"{data}0000_part_00.parquet"):
        if _passes(rules, key):
            yield f"UnloadBucket's notification Filter lets {key} through: only the control manifest starts a load."


def _passes(rules: list[dict[str, str]], key: str) -> bool:
    tests = {"prefix": key.startswith, "suffix": key.endswith}
    return all(tests[rule["Name"].lower()](rule["Value"]) for rule in rules)


def _bucket_send_problems(stack: Stack) -> Iterator[str]:
    own = {"aws:SourceArn": stack.arns["UnloadBucket"], "aws:SourceAccount": stack.account.account_id}
    if not queue_admits(stack, "UpsertQueue", "s3.amazonaws.com", own):
        yield "UnloadBucket: no policy of UpsertQueue lets it send."
    for key, other in (("aws:SourceArn", "arn:aws:s3:::stranger"), ("aws:SourceAccount", STRANGER)):
        if queue_admits(stack, "UpsertQueue", "s3.amazonaws.com", {**own, key: other}):
            yield f"a policy of UpsertQueue lets buckets of any {key} send to it."
    policies = [
        name
        for name, one in stack.of_type("AWS::SQS::QueuePolicy").items()
        if stack.refs["UpsertQueue"] in one["Queues"]
    ]
    if not stack.needs["UnloadBucket"].issuperset(policies):
        yield f"UnloadBucket must have DependsOn {policies}: S3 tries the queue when the notification is set."
