"""Whether a deployed environment is alive: MyApp answers, no queue holds dead letters, unloads are being loaded."""

import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlsplit

from deploy.stacks.deploying import Deployment

_HTTP_SECONDS: Final = 10
_QUEUE_OUTPUT: Final = "QueueUrl"
_DEAD_LETTERS: Final = "-dead-letters"
_LOADED: Final = '"loaded"'  # what the upsert function logs once a partition is loaded (serving/upsert.py)
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

    `outputs` are those of the deployment's stacks; queues are what they call …QueueUrl.
    """
    for stack in (one for one in deployment.stacks if one.name in outputs):
        sqs = deployment.accounts.client(stack.account, "sqs")
        for url in (url for name, url in outputs[stack.name].items() if name.endswith(_QUEUE_OUTPUT)):
            yield from _depth_problems(sqs, url, allowed=None)
            yield from _depth_problems(sqs, _dead_letters(url), allowed=0)


def _depth_problems(sqs: Any, url: str, allowed: int | None) -> Iterator[str]:
    name = url.rpartition("/")[2]
    try:
        depth = _depth(sqs, url)
    except sqs.exceptions.QueueDoesNotExist:
        yield f"{name} does not exist."
        return
    if allowed is not None and depth > allowed:
        yield f"{name} holds {depth} messages. docs/runbook.md says what to do."


def _dead_letters(url: str) -> str:
    is_fifo = url.endswith(".fifo")
    return f"{url.removesuffix('.fifo')}{_DEAD_LETTERS}{'.fifo' if is_fifo else ''}"


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
