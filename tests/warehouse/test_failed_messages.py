"""What a function gives back comes again within seconds, from the very queue that feeds it."""

import json
from collections.abc import Iterator

import pytest

from tests.queues import QueueTime, queue_time
from tests.warehouse.account import Account2
from tests.warehouse.requests import AT, data_flow, envelope

__all__ = ["queue_time"]

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)


@pytest.fixture
def paused(account: Account2) -> Iterator[None]:
    """The warehouse is not there until the test resumes it."""
    account.services.stand_in.faults.is_paused = True
    yield
    account.services.stand_in.faults.is_paused = False


@pytest.mark.parametrize(
    ("handler", "output"),
    [
        ("register_data_flow", "RegisterQueueUrl"),
        ("watch_runs", "WatchQueueUrl"),
        ("advance_windows", "AdvanceQueueUrl"),
        ("refresh_reports", "RefreshQueueUrl"),
    ],
)
def test_each_functions_failed_messages_come_again_within_seconds(
    account: Account2, queue_time: QueueTime, handler: str, output: str
) -> None:
    queue = account.queue(output)
    queue.send("{}", group="one" if queue.url.endswith(".fifo") else None)

    assert account.hand_over(output, handler) == [{}]
    assert account.hand_over(output, handler) == []
    queue_time.let_pass(11)
    assert account.hand_over(output, handler) == [{}]
    queue_time.let_pass(21)
    assert account.messages(output) == [{}]


def test_requests_behind_one_that_waits_for_the_warehouse_are_carried_out_after_it(
    account: Account2, queue_time: QueueTime, paused: None
) -> None:
    requests = [data_flow(), data_flow(revision=2)]
    bodies = [envelope("RegisterDataFlow", request.model_dump(mode="json"), AT) for request in requests]
    account.queue("RegisterQueueUrl").send(*map(json.dumps, bodies), group="warehouse")

    assert len(account.hand_over("RegisterQueueUrl", "register_data_flow")) == 2
    account.services.stand_in.faults.is_paused = False
    assert account.answers() == []
    queue_time.let_pass(11)
    assert account.hand_over("RegisterQueueUrl", "register_data_flow") == bodies

    assert [answer["revision"] for answer in account.answers() if answer["status"] == "active"] == [1, 2]
    assert account.queue("RegisterQueueUrl").left() == 0
