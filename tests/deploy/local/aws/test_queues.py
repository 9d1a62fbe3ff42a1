import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.aws import REGION_1, aws_client
from tests.queues import QueueTime, queue_time

__all__ = ["queue_time"]


@pytest.fixture
def sqs(clean_aws: str) -> Any:
    return aws_client("sqs")


def make_queue(sqs: Any, name: str, **attributes: str) -> str:
    return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def receive(sqs: Any, url: str, **more: Any) -> list[dict[str, Any]]:
    messages: list[dict[str, Any]] = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, **more).get(
        "Messages", []
    )
    return messages


def test_consumers_at_the_same_time_share_the_messages(sqs: Any) -> None:
    url = make_queue(sqs, "shared")
    for first in range(0, 60, 10):
        entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(first, first + 10)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    def consume(_: int) -> list[int]:
        taken = []
        while messages := receive(sqs, url):
            for message in messages:
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
                taken.append(int(message["Body"]))
        return taken

    with ThreadPoolExecutor(4) as pool:
        taken = [number for part in pool.map(consume, range(4)) for number in part]
    assert sorted(taken) == list(range(60))


def test_one_fifo_group_is_with_one_consumer_at_a_time(sqs: Any) -> None:
    url = make_queue(sqs, "ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(6):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="warehouse")
    with ThreadPoolExecutor(4) as pool:
        taken = list(pool.map(lambda _: receive(sqs, url), range(4)))
    assert [[message["Body"] for message in part] for part in taken if part] == [["0", "1", "2"]]


def test_messages_of_a_group_that_become_visible_together_keep_their_order(sqs: Any, queue_time: QueueTime) -> None:
    url = make_queue(sqs, "ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    for number in range(3):
        sqs.send_message(QueueUrl=url, MessageBody=str(number), MessageGroupId="warehouse")
    for _ in range(2):
        assert [message["Body"] for message in receive(sqs, url)] == ["0", "1", "2"]
        queue_time.let_pass(31)


def test_a_waiting_consumer_is_woken_by_a_message(sqs: Any) -> None:
    url = make_queue(sqs, "quiet")
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(receive, sqs, url, WaitTimeSeconds=10)
        started = time.monotonic()
        sqs.send_message(QueueUrl=url, MessageBody="now")
        assert [message["Body"] for message in waiting.result()] == ["now"]
    assert time.monotonic() - started < 5


def test_a_message_received_too_often_goes_to_the_dead_letter_queue(sqs: Any) -> None:
    dead = make_queue(sqs, "dead")
    redrive = f'{{"deadLetterTargetArn": "arn:aws:sqs:{REGION_1}:111111111111:dead", "maxReceiveCount": 2}}'
    url = make_queue(sqs, "tried", RedrivePolicy=redrive)
    sqs.send_message(QueueUrl=url, MessageBody="bad")
    for _ in range(2):
        (message,) = receive(sqs, url)
        handle = message["ReceiptHandle"]
        sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
    assert receive(sqs, url) == []
    assert [message["Body"] for message in receive(sqs, dead)] == ["bad"]
