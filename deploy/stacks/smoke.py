"""Whether a deployed environment is alive: MyApp answers, no queue holds dead letters, unloads are being loaded."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.stacks.deploying import Deployment

_HTTP_SECONDS: Final = 10
_QUEUE_OUTPUT: Final = "QueueUrl"
_QUEUE: Final = "AWS::SQS::Queue"
# RedrivePolicy of a queue, DeadLetterConfig of a rule's or a schedule's target, OnFailure of a function.
_DEAD_LETTERS: Final = ("RedrivePolicy", "DeadLetterConfig", "DeadLetterQueue", "OnFailure")
# What the upsert function logs once a request's partitions are loaded (serving/upsert.py): this message and no other.
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
_LOADED: Final = '{ $.message = "loaded" }'
_LOADS_WITHIN: Final = timedelta(hours=26)  # reports are ingested daily


def health_problems(app_url: str | None) -> Iterator[str]:
    """Yield what is wrong with MyApp's own answer about its health."""
    if app_url is None:
        yield "No stack gives AppUrl, so MyApp was not asked. Name it: make -C deploy smoke URL=https://…"
        return
    address = f"{app_url.rstrip('/')}/health/"
    if urlsplit(address).scheme not in ("http", "https"):
        yield f"{address} is no web address."
        return
    try:
        with urllib.request.urlopen(address, timeout=_HTTP_SECONDS) as answer:  # noqa: S310 - a web address, see above
            answer.read()
    except urllib.error.HTTPError as error:
        yield f"{address} answers {error.code}: MyApp runs, but is not well. Look at its log."
    except OSError as error:
        yield f"{address} does not answer ({error}). Look at the hosts and the load balancer."


def queue_problems(deployment: Deployment, outputs: Mapping[str, Mapping[str, str]]) -> Iterator[str]:
    """Yield each queue that is missing, and each dead-letter queue that holds messages.

    `outputs` are those of the deployment's stacks. Queues that work passes through are what they call …QueueUrl; the
    dead letters' are all that a template sends dead letters to: of queues, rules, schedules and functions.
    """
    for stack in (one for one in deployment.stacks if one.name in outputs):
        sqs = deployment.accounts.client(stack.account, "sqs")
        for url in (url for name, url in outputs[stack.name].items() if name.endswith(_QUEUE_OUTPUT)):
            yield from _depth_problems(sqs, url.rpartition("/")[2], allowed=None)
        for name in dead_letter_queues(stack.document["Resources"], deployment.environment.name_prefix):
            yield from _depth_problems(sqs, name, allowed=0)


def dead_letter_queues(resources: Mapping[str, Any], name_prefix: str) -> list[str]:
    """Return the names of the queues that are somebody's dead letters' in a template, in the template's order."""
    targets = {target for resource in resources.values() for target in _dead_letter_targets(resource)}
    queues = [one for name, one in resources.items() if name in targets and one["Type"] == _QUEUE]
    return [_filled(one["Properties"]["QueueName"], name_prefix) for one in queues]


def _dead_letter_targets(value: Any) -> Iterator[str]:
    """Yield the logical ids that stand anywhere under one of the members that say where dead letters go."""
    for name, member in _members(value):
        yield from _referred(member) if name in _DEAD_LETTERS else _dead_letter_targets(member)


def _members(value: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        return value.items()
    return (("", one) for one in value) if isinstance(value, list) else ()


def _referred(value: Any) -> Iterator[str]:
    for name, member in _members(value):
        if name in ("Ref", "Fn::GetAtt"):
            yield str(member[0] if isinstance(member, list) else member).partition(".")[0]
        else:
            yield from _referred(member)


def _filled(name: Any, name_prefix: str) -> str:
    return str(name["Fn::Sub"] if isinstance(name, Mapping) else name).replace("${NamePrefix}", name_prefix)


def _depth_problems(sqs: Any, name: str, allowed: int | None) -> Iterator[str]:
    try:
        depth = _depth(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        yield f"{name} does not exist."
        return
    if allowed is not None and depth > allowed:
        yield f"{name} holds {depth} messages. docs/runbook.md says what to do."


def _depth(sqs: Any, url: str) -> int:
    wanted = ["ApproximateNumberOfMessages"]
    return int(sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"][wanted[0]])


def load_problems(logs: Any, log_group: str) -> Iterator[str]:
    """Yield what is wrong with the last load into MySQL: none within a day, as the upsert function logs it."""
    since = datetime.now(UTC) - _LOADS_WITHIN
    try:
        last = max((event["timestamp"] for event in _loads(logs, log_group, since)), default=None)
    except logs.exceptions.ResourceNotFoundException:
        yield f"{log_group} does not exist: the upsert function has never run."
        return
    if last is None:
        hours = _LOADS_WITHIN // timedelta(hours=1)
        yield f"Nothing was loaded into MySQL in the last {hours} hours ({log_group}). Look into docs/runbook.md."


def _loads(logs: Any, log_group: str, since: datetime) -> Iterator[dict[str, Any]]:
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName=log_group, filterPattern=_LOADED, startTime=int(since.timestamp() * 1000), endTime=_now_ms()
    )
    for page in pages:
        yield from page["events"]


def _now_ms() -> int:
    return int(time.time() * 1000)
