"""A queue in front of a handler that is called in this process, and the time as the queue has it.

    def test_…(queue_time: QueueTime): …

Ask for `queue_time` after what starts the endpoint.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from moto.sqs import models

from deploy.local.lambdas.queue_events import batch_event, failed_message_ids

Handle = Callable[[dict[str, Any]], Any]


@dataclass
class QueueTime:
    """The time by which queues hide and show messages: it stands, unless it is made to pass."""

    seconds: float

    def let_pass(self, seconds: float) -> None:
        """Move it on."""
        self.seconds += seconds


@pytest.fixture
def queue_time(monkeypatch: pytest.MonkeyPatch) -> QueueTime:
    """The time of moto's queues, all of them."""
    made = QueueTime(time.time())
    monkeypatch.setattr(models, "unix_time_millis", lambda: made.seconds * 1000)
    return made


@dataclass(frozen=True)
class FedQueue:
    """A queue, and what Lambda does with it; `sqs` is a client of the queue's account."""

    sqs: Any
    url: str
    batch_size: int = 10

    def send(self, *bodies: str, group: str | None = None) -> None:
        """Put messages on the queue, one after the other."""
        for body in bodies:
            ids = {"MessageGroupId": group, "MessageDeduplicationId": f"{group}-{body}"} if group else {}
            self.sqs.send_message(QueueUrl=self.url, MessageBody=body, **ids)

    def hand_over(self, handle: Handle) -> list[str]:
        """Hand what is visible to the handler as one batch, delete what it does not give back; return the bodies."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url, MaxNumberOfMessages=self.batch_size, MessageSystemAttributeNames=["All"]
        )
        messages = answer.get("Messages", [])
        if messages:
            result = handle(batch_event(messages, self._arn()))
            failed = failed_message_ids(result, [message["MessageId"] for message in messages])
            for message in messages:
                if message["MessageId"] not in failed:
                    self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=message["ReceiptHandle"])
        return [message["Body"] for message in messages]

    def left(self) -> int:
        """Return how many messages are on the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())

    def _arn(self) -> str:
        answer = self.sqs.get_queue_attributes(QueueUrl=self.url, AttributeNames=["QueueArn"])
        return str(answer["Attributes"]["QueueArn"])
