"""Asynchronous invocations: taken at once, tried up to three times, and what failed then is sent to its queues.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

import json
import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.lambdas.invocations import Invocation, WarmFunction
from deploy.local.templates.account import Account
from deploy.local.templates.definitions import AsyncInvocation

logger = logging.getLogger(__name__)

WAITS_SECONDS: Final = (60.0, 120.0)  # before the second try, and before the third


class AsyncInvoker:
    """Takes events for functions and works on each in a thread of its own."""

    def __init__(
        self, settings: Mapping[str, AsyncInvocation], endpoint_url: str, waits_seconds: Sequence[float] = WAITS_SECONDS
    ) -> None:
        """`settings` are what the templates declare, by the function's ARN."""
        self._settings = settings
        self._endpoint_url = endpoint_url
        self._waits_seconds = waits_seconds
        self._stopping = threading.Event()
        self._threads: list[threading.Thread] = []

    def take(self, function: WarmFunction, event: Any) -> str:
        """Take an event, as Lambda does with status 202; return the id that all its tries have."""
        request_id = str(uuid.uuid4())
        name = f"async {function.definition.name}"
        thread = threading.Thread(target=self._work, args=(function, request_id, event), name=name, daemon=True)
        self._threads = [one for one in self._threads if one.is_alive()] + [thread]
        thread.start()
        return request_id

    def stop(self) -> None:
        """Try nothing again, and wait for what is being tried: stop the functions first."""
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _work(self, function: WarmFunction, request_id: str, event: Any) -> None:
        settings = self._settings.get(function.definition.arn, AsyncInvocation(function.definition.arn))
        waits_seconds = [0.0, *self._waits_seconds[: settings.most_retries]]
        for wait_seconds in waits_seconds:
            if self._stopping.wait(wait_seconds):
                return
            invocation = function.invoke(event, request_id)
            if invocation.error is None:
                return
        record = _record(function, invocation, event, len(waits_seconds))
        given_up = {settings.on_failure_queue_arn: record, function.definition.dead_letter_queue_arn: event}
        for queue_arn, body in given_up.items():  # the one gets the record, the other the event as it was
            if queue_arn:
                self._give_up(queue_arn, body)
        if not any(given_up):
            logger.error("%s gave an event up, and nothing takes it: %s", function.definition.name, event)

    def _give_up(self, queue_arn: str, body: Any) -> None:
        _, _, _, region, account_id, name = queue_arn.split(":", 5)
        sqs = Account(account_id, region).client("sqs", self._endpoint_url)
        try:
            sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName=name)["QueueUrl"], MessageBody=json.dumps(body))
        except (BotoCoreError, ClientError):
            if not self._stopping.is_set():
                logger.exception("%s did not take what a function gave up: %s", queue_arn, body)


def _record(function: WarmFunction, invocation: Invocation, event: Any, tries: int) -> dict[str, Any]:
    """Return what Lambda sends: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html."""
    kind, _, message = (invocation.error or "").partition(": ")
    return {
        "version": "1.0",
        "timestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "requestContext": {
            "requestId": invocation.request_id,
            "functionArn": f"{function.definition.arn}:$LATEST",
            "condition": "RetriesExhausted",
            "approximateInvokeCount": tries,
        },
        "requestPayload": event,
        "responseContext": {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"},
        "responsePayload": {"errorType": kind, "errorMessage": message},
    }
