"""The upsert function: S3's notifications come to its queue, and MySQL holds what they announce."""

import json
from datetime import date
from functools import partial
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, LedgerEntry
from serving.config import Config
from serving.handlers.upsert_report import handle
from tests.queues import FedQueue, QueueTime, queue_time
from tests.serving.conftest import BUCKET
from tests.serving.unloads import UnloadWriter, report_row

__all__ = ["queue_time"]

DAY = date(2026, 11, 1)

wake: Any = partial(handle, context=None)  # type: ignore[arg-type]


@pytest.fixture
def notification(s3: S3Client, config: Config) -> str:
    """What S3 says of an unload of one event."""
    writer = UnloadWriter.of(s3, BUCKET, "events", 7)
    key = writer.write([report_row(REPORT_TABLES["events"], "123", DAY, ["a"])], {("123", DAY): 1})
    return json.dumps({"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": key.replace("/", "%2F")}}}]})


def test_an_announced_unload_is_loaded(notification: str, queue: FedQueue) -> None:
    queue.send(notification, json.dumps({"Event": "s3:TestEvent"}))

    queue.hand_over(wake)

    assert queue.left() == 0
    assert REPORT_MODELS["events"]._default_manager.count() == 1


def test_a_load_without_a_database_comes_again_within_seconds_and_is_done_once(
    notification: str,
    queue: FedQueue,
    queue_time: QueueTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    queue.send(notification)
    with monkeypatch.context() as away:
        away.setenv("DATABASE_PORT", "1")
        assert queue.hand_over(wake) == [notification]
    assert "MySQL could not finish" in caplog.text
    assert queue.hand_over(wake) == []

    queue_time.let_pass(11)

    assert queue.hand_over(wake) == [notification]
    assert queue.left() == 0
    assert LedgerEntry.objects.count() == 1
    assert REPORT_MODELS["events"]._default_manager.count() == 1
