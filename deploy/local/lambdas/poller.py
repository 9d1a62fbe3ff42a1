"""Feeds a function from a queue, as Lambda's event source mappings do."""

import logging
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.lambdas.invocations import WarmFunction
from deploy.local.lambdas.queue_events import batch_event, failed_message_ids, is_wanted
from deploy.local.templates.definitions import EventSource

logger = logging.getLogger(__name__)

DEFAULT_CONCURRENCY = 2
_WAIT_SECONDS = 1
_MOST_MESSAGES = 10


class QueuePoller:
    """Receives batches while the function has room for them; the queue itself keeps what fails."""

    def __init__(self, source: EventSource, function: WarmFunction, sqs: Any) -> None:
        self._source = source
        self._function = function
        self._sqs = sqs
        self._url = sqs.get_queue_url(QueueName=source.queue_arn.rpartition(":")[2])["QueueUrl"]
        # A batch is received only when it can be worked on at once, so no message waits out its visibility.
        concurrency = min(
            source.maximum_concurrency or DEFAULT_CONCURRENCY,
            function.definition.reserved_concurrency or sys.maxsize,
        )
        self._room = threading.Semaphore(concurrency)
        self._workers = ThreadPoolExecutor(concurrency, thread_name_prefix=function.definition.name)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._poll, name=f"poll {source.queue_arn}", daemon=True)

    def start(self) -> None:
        """Begin to poll."""
        self._thread.start()

    def ask_to_stop(self) -> None:
        """Receive nothing more."""
        self._stopping.set()

    def join(self) -> None:
        """Wait until nothing runs any more."""
        self._thread.join()
        self._workers.shutdown()

    def _poll(self) -> None:
        while not self._stopping.is_set():
            if not self._room.acquire(timeout=_WAIT_SECONDS):
                continue
            messages = self._received()
            if messages:
                self._workers.submit(self._work, messages)
            else:
                self._room.release()

    def _received(self) -> list[dict[str, Any]]:
        try:
            return self._batch()
        except (BotoCoreError, ClientError):
            if not self._stopping.is_set():
                logger.exception("Cannot read %s; trying again.", self._source.queue_arn)
                self._stopping.wait(_WAIT_SECONDS)
            return []

    def _batch(self) -> list[dict[str, Any]]:
        messages = self._receive(self._source.batch_size, _WAIT_SECONDS)
        deadline = time.monotonic() + self._source.batching_window_seconds
        while messages and len(messages) < self._source.batch_size and not self._stopping.is_set():
            if time.monotonic() >= deadline:
                break
            messages += self._receive(self._source.batch_size - len(messages), _WAIT_SECONDS)
        return messages

    def _receive(self, count: int, wait_seconds: int) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._url,
            MaxNumberOfMessages=min(count, _MOST_MESSAGES),
            WaitTimeSeconds=wait_seconds,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        )
        received: list[dict[str, Any]] = answer.get("Messages", [])
        unwanted = [message for message in received if not is_wanted(message, self._source)]
        self._delete(unwanted)  # as Lambda does with what a filter does not admit
        return [message for message in received if message not in unwanted]

    def _work(self, messages: list[dict[str, Any]]) -> None:
        try:
            self._hand_over(messages)
        except Exception:
            # Nobody looks at the future; without this line the messages would stay without a reason.
            logger.exception("A batch of %s was not worked on.", self._source.queue_arn)
        finally:
            self._room.release()

    def _hand_over(self, messages: list[dict[str, Any]]) -> None:
        invocation = self._function.invoke(batch_event(messages, self._source.queue_arn))
        if invocation.error:
            return  # all become visible again when their time is over
        failed: set[str] = set()
        if self._source.reports_failed_items:
            failed = failed_message_ids(invocation.result, [message["MessageId"] for message in messages])
        self._delete([message for message in messages if message["MessageId"] not in failed])

    def _delete(self, messages: list[dict[str, Any]]) -> None:
        for start in range(0, len(messages), _MOST_MESSAGES):
            entries = [
                {"Id": str(place), "ReceiptHandle": message["ReceiptHandle"]}
                for place, message in enumerate(messages[start : start + _MOST_MESSAGES])
            ]
            answer = self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            if answer.get("Failed"):
                logger.error("%s: messages were not deleted: %s", self._source.queue_arn, answer["Failed"])
