"""What becomes of messages that fail, on real queues whose time the test lets pass."""

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any
from unittest.mock import patch

import boto3
import pytest
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from botocore.httpsession import URLLib3Session
from urllib3 import HTTPResponse

from message_batches.taking import take_each
from message_batches.waiting import FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS, SHORTEST_SHARE
from tests.architecture.wiring.stacks import shipped_templates
from tests.aws import REGION_1, aws_client, aws_endpoint, clean_aws
from tests.queues import FedQueue, QueueTime, queue_time

__all__ = ["aws_endpoint", "clean_aws", "queue_time"]

HALF_AN_HOUR = 1800
A_DAY = 86400


@dataclass
class Function:
    """A function in front of a queue; its work with a message fails as often as `failures` says."""

    queue: FedQueue
    done: list[str] = field(default_factory=list)
    failures: Counter[str] = field(default_factory=Counter)

    def wake(self) -> list[str]:
        """Take what is visible; return the messages."""
        return [json.loads(body) for body in self.queue.hand_over(self._handle)]

    def send(self, *messages: str, group: str | None = None) -> None:
        """Put messages on its queue."""
        self.queue.send(*map(json.dumps, messages), group=group)

    def _handle(self, event: dict[str, Any]) -> Any:
        return take_each(event, None, self.queue.url, self._take)  # type: ignore[arg-type]

    def _take(self, message: Any) -> None:
        if self.failures[message]:
            self.failures[message] -= 1
            raise ConnectionError("the database is away")
        self.done.append(message)


@pytest.fixture
def environment(clean_aws: str, queue_time: QueueTime, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)
    for name, value in {
        "AWS_ENDPOINT_URL": clean_aws,
        "AWS_ACCESS_KEY_ID": "111111111111",
        "AWS_SECRET_ACCESS_KEY": "any",
        "AWS_DEFAULT_REGION": REGION_1,
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def function(environment: None) -> Function:
    return function_on("work")


@pytest.fixture
def ordered(environment: None) -> Function:
    return function_on("work.fifo", FifoQueue="true")


def function_on(name: str, **attributes: str) -> Function:
    wanted = {"VisibilityTimeout": str(HALF_AN_HOUR), **attributes}
    sqs = aws_client("sqs")
    return Function(FedQueue(sqs, sqs.create_queue(QueueName=name, Attributes=wanted)["QueueUrl"]))


def test_what_fails_once_comes_again_within_seconds_and_is_done_once(function: Function, queue_time: QueueTime) -> None:
    function.failures["b"] = 1
    function.send("a", "b")

    assert sorted(function.wake()) == ["a", "b"]
    queue_time.let_pass(FIRST_WAIT_SECONDS * SHORTEST_SHARE - 1)
    assert function.wake() == []
    queue_time.let_pass(FIRST_WAIT_SECONDS)
    assert function.wake() == ["b"]

    queue_time.let_pass(A_DAY)
    assert function.wake() == []
    assert function.done == ["a", "b"]
    assert function.queue.left() == 0


@pytest.mark.parametrize("name", ["work", "work.fifo"])
def test_each_wait_is_twice_the_one_before_up_to_ten_minutes(
    environment: None, queue_time: QueueTime, name: str
) -> None:
    function = function_on(name, **({"FifoQueue": "true"} if name.endswith(".fifo") else {}))
    function.failures["a"] = 20
    function.send("a", group="one" if name.endswith(".fifo") else None)
    assert function.wake() == ["a"]

    for longest in (10, 20, 40, 80, 160, 320, 600, 600, 600):
        queue_time.let_pass(longest * SHORTEST_SHARE - 1)
        assert function.wake() == []
        queue_time.let_pass(longest * (1 - SHORTEST_SHARE) + 1.1)
        assert function.wake() == ["a"]


def test_what_failed_together_does_not_come_back_together(function: Function, queue_time: QueueTime) -> None:
    messages = [f"{number}" for number in range(10)]
    function.failures.update(dict.fromkeys(messages, 4))
    function.send(*messages)
    for longest in (10, 20, 40):
        function.wake()
        queue_time.let_pass(longest + 1)
    assert len(function.wake()) == len(messages)

    queue_time.let_pass(80 * SHORTEST_SHARE - 1)
    come_back: list[str] = []
    while not come_back:
        queue_time.let_pass(1)
        come_back = function.wake()

    assert len(come_back) < len(messages)


def test_a_group_keeps_its_order_behind_a_failure_while_others_go_on(ordered: Function, queue_time: QueueTime) -> None:
    ordered.failures["a1"] = 2
    ordered.send("a1", "a2", group="a")
    ordered.send("b1", group="b")
    ordered.send("a3", group="a")

    ordered.wake()
    assert ordered.done == ["b1"]
    ordered.send("a4", group="a")
    ordered.send("b2", group="b")
    queue_time.let_pass(FIRST_WAIT_SECONDS * SHORTEST_SHARE - 1)
    assert ordered.wake() == ["b2"]
    queue_time.let_pass(FIRST_WAIT_SECONDS)
    assert ordered.wake() == ["a1", "a2", "a3", "a4"]
    queue_time.let_pass(2 * FIRST_WAIT_SECONDS + 1)
    assert ordered.wake() == ["a1", "a2", "a3", "a4"]

    assert ordered.done == ["b1", "b2", "a1", "a2", "a3", "a4"]


@contextmanager
def throttled(call: str) -> Iterator[list[str]]:
    """Refuse a call as AWS does when there are too many; yield what was refused."""
    refused: list[str] = []
    send = URLLib3Session.send

    def answer(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        if request.headers.get("X-Amz-Target") not in (f"AmazonSQS.{call}", f"AmazonSQS.{call}".encode()):
            return send(session, request)
        refused.append(call)
        body = json.dumps({"__type": "com.amazonaws.sqs#RequestThrottled", "message": "slow down"}).encode()
        return AWSResponse(request.url, 400, HTTPHeaders(), HTTPResponse(BytesIO(body), preload_content=False))

    with patch.object(URLLib3Session, "send", answer):
        yield refused


def test_a_throttled_call_leaves_the_message_to_the_queue(
    function: Function, queue_time: QueueTime, caplog: pytest.LogCaptureFixture
) -> None:
    function.failures["b"] = 1
    function.send("a", "b")

    with throttled("ChangeMessageVisibilityBatch") as refused:
        function.wake()

    assert refused
    assert "visibility timeout ends" in caplog.text
    queue_time.let_pass(HALF_AN_HOUR - 1)
    assert function.wake() == []
    queue_time.let_pass(2)
    assert function.wake() == ["b"]
    assert function.done == ["a", "b"]


def test_messages_that_are_gone_meanwhile_change_nothing_for_the_others(
    function: Function, caplog: pytest.LogCaptureFixture
) -> None:
    record = {"messageId": "1", "receiptHandle": "unknown", "body": "{}", "eventSource": "aws:sqs"}
    event = {"Records": [{**record, "attributes": {"ApproximateReceiveCount": "1"}}]}

    answer = take_each(event, None, function.queue.url, lambda message: function._take(message["missing"]))  # type: ignore[arg-type]

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert "visibility timeout ends" in caplog.text


def test_an_hour_without_a_database_sends_nothing_to_the_dead_letters(environment: None, queue_time: QueueTime) -> None:
    sqs = aws_client("sqs")
    sqs.create_queue(QueueName="dead")
    redrive = shipped_templates()["app"].resources["UpsertQueue"]["Properties"]["RedrivePolicy"]
    arn = f"arn:aws:sqs:{REGION_1}:111111111111:dead"
    function = function_on("work", RedrivePolicy=json.dumps({**redrive, "deadLetterTargetArn": arn}))
    messages = [f"{number}" for number in range(5)]
    function.failures.update(dict.fromkeys(messages, 1000))
    function.send(*messages)

    for _ in range(3600 // 5):
        function.wake()
        queue_time.let_pass(5)
    function.failures.clear()
    for _ in range(LONGEST_WAIT_SECONDS // 5):
        queue_time.let_pass(5)
        function.wake()

    assert sorted(function.done) == messages
    assert function.queue.left() == 0
