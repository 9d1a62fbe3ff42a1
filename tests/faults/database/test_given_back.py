"""The database fails under a load: the message goes back to its queue and comes again; no operator is bothered."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import date
from functools import partial
from typing import Any, Final
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from dataflows.models import DataFlow, TimelineEntry
from reports.models import REPORT_MODELS, LedgerEntry, Quarantine
from serving.config import Config
from serving.handlers.upsert_report import handle
from tests.dataflows.pages import journeys_on
from tests.faults.proxy import FaultProxy
from tests.queues import FedQueue, QueueTime, queue_time
from tests.reports.conftest import data_flow, operator
from tests.serving.conftest import BUCKET, aws, config, moto_url, queue, s3
from tests.serving.triggers import trigger
from tests.serving.unloads import CORRELATION_ID, UnloadWriter, report_row

__all__ = ["aws", "config", "data_flow", "moto_url", "operator", "queue", "queue_time", "s3"]

EVENTS: Final = REPORT_TABLES["events"]
DAY: Final = date(2026, 11, 1)
OLD: Final = {"a": 1, "gone": 2}
NEW: Final = {"a": 7, "new": 3, "more": 4}
_FIRST_WAIT_SECONDS: Final = 11

Fault = Callable[[Config, pytest.MonkeyPatch], AbstractContextManager[None]]

wake: Any = partial(handle, context=None)  # type: ignore[arg-type]


def refusing(statement: str) -> Fault:
    """The server refuses to note a load."""
    return lambda *_: trigger("BEFORE INSERT ON report_ledger", f"SIGNAL SQLSTATE {statement}")


@contextmanager
def cutting_off(config: Config, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The loader's connection is cut in the middle of the load."""
    with FaultProxy(config.database_port) as proxy, monkeypatch.context() as patch:
        patch.setenv("DATABASE_PORT", str(proxy.port))
        proxy.cut_after("requests", 3_000)  # of more than four
        yield
        assert proxy.cuts == 1


FAULTS: Final[dict[str, Fault]] = {
    "1213": refusing("'40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'"),
    "1290": refusing("'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'running with the --read-only option'"),
    "2013": cutting_off,
}


@pytest.fixture
def page(client: Client, operator: User, data_flow: DataFlow) -> Callable[[], str]:
    """Gives the data flow's page as its operator sees it."""
    asked = {"correlation_id": UUID(CORRELATION_ID), "station": "submit", "status": "queued"}
    TimelineEntry.objects.create(data_flow=data_flow, occurred_at=timezone.now(), **asked)
    client.force_login(operator)
    return lambda: client.get(f"/data-flows/{data_flow.id}/").content.decode()


@pytest.fixture
def announced(s3: S3Client, data_flow: DataFlow, queue: FedQueue) -> Callable[[int, dict[str, int]], None]:
    """Writes an unload of one day in a generation, and has S3's notification put on the queue."""

    def announce(generation: int, counts: dict[str, int]) -> None:
        property_id = data_flow.property_id
        rows = [report_row(EVENTS, property_id, DAY, [name], event_count=count) for name, count in counts.items()]
        key = UnloadWriter.of(s3, BUCKET, "events", generation).write(rows, {(property_id, DAY): generation})
        queue.send(json.dumps({"Records": [{"s3": {"bucket": {"name": BUCKET}, "object": {"key": key}}}]}))

    return announce


@pytest.mark.parametrize("number", FAULTS)
def test_a_load_that_the_database_fails_comes_again_and_shows_the_last_good_data_meanwhile(
    number: str,
    announced: Callable[[int, dict[str, int]], None],
    page: Callable[[], str],
    config: Config,
    queue: FedQueue,
    queue_time: QueueTime,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    announced(1, OLD)
    assert len(queue.hand_over(wake)) == 1
    check_shown(page(), "Upsert Loaded Events 2 rows of 1 day")
    capsys.readouterr()

    announced(2, NEW)
    with FAULTS[number](config, monkeypatch):
        assert len(queue.hand_over(wake)) == 1

    assert queue.left() == 1
    assert stored() == OLD
    assert metrics(capsys) == {"MessagesGivenBack": 1}
    check_told(caplog, number)
    check_shown(page(), "Upsert Loaded Events 2 rows of 1 day")

    queue_time.let_pass(_FIRST_WAIT_SECONDS)
    assert len(queue.hand_over(wake)) == 1

    assert queue.left() == 0
    assert stored() == NEW
    assert metrics(capsys) == {"RowsLoaded": 4}  # one changed, two new, one gone
    assert list(LedgerEntry.objects.order_by("generation").values_list("generation", flat=True)) == [1, 2]
    assert not Quarantine.objects.exists()
    check_shown(page(), "Upsert Loaded Events 2 rows of 1 day", "Upsert Loaded Events 3 rows of 1 day")


def stored() -> dict[str, int]:
    return dict(REPORT_MODELS["events"]._default_manager.values_list("event_name", "event_count"))


def metrics(capsys: pytest.CaptureFixture[str]) -> dict[str, float]:
    """Return the numbers written for CloudWatch since the last call, by name."""
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    named = [(line["_aws"]["CloudWatchMetrics"][0]["Metrics"][0]["Name"], line) for line in lines]
    return {name: line[name][0] for name, line in named}


def check_told(caplog: pytest.LogCaptureFixture, number: str) -> None:
    """Check that the log names request, database error and that the message is given back; nothing that rings."""
    told = {record.message: vars(record) for record in caplog.records}
    assert told["not loaded for now"].items() >= {"station": "upsert", "correlation_id": CORRELATION_ID}.items()
    assert f"MySQL could not finish (({number}, " in told["not loaded for now"]["error"]
    assert {"failed, is tried again", "given back"} <= told.keys()
    assert "quarantine opened" not in told


def check_shown(page: str, *loads: str) -> None:
    """Check that the page shows these loads, and nothing of a failure."""
    assert journeys_on(page)[UUID(CORRELATION_ID)] == ["Submit Queued", *loads]
    assert "notice-" not in page
