"""An unload in quarantine: the operator sees why, mends it, presses "Load again", and it is gone from the page."""

from datetime import date
from functools import partial
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from mypy_boto3_s3 import S3Client
from pytest_django.fixtures import Settings

from dataflows.contracts.reports import REPORT_TABLES
from dataflows.models import DataFlow
from reports.models import REPORT_MODELS, Quarantine
from serving.config import Config
from serving.handlers.upsert_report import handle
from tests.dataflows.conftest import unsaved_data_flow
from tests.queues import FedQueue
from tests.reports.conftest import operator
from tests.serving.conftest import BUCKET
from tests.serving.unloads import Row, UnloadWriter, report_row

__all__ = ["operator"]

DAY = date(2026, 11, 1)
PARTITION = ("123", DAY)

wake: Any = partial(handle, context=None)  # type: ignore[arg-type]


@pytest.fixture
def page(client: Client, operator: Any, queue: FedQueue, settings: Settings) -> Client:
    settings.UPSERT_QUEUE_URL = queue.url
    client.force_login(operator)
    return client


@pytest.fixture
def data_flow(config: Config, operator: Any) -> DataFlow:
    data_flow = unsaved_data_flow(reports=[{"slug": "events"}], created_by=operator)
    data_flow.save(force_insert=True)
    return data_flow


@pytest.fixture
def writer(s3: S3Client) -> UnloadWriter:
    return UnloadWriter.of(s3, BUCKET, "events", 7)


@pytest.fixture
def bad(writer: UnloadWriter, data_flow: DataFlow, queue: FedQueue) -> Quarantine:
    """An unload in quarantine: its control rows announce a row that is not there."""
    writer.write_data([row("a")])
    writer.write_control(writer.control_rows([row("a"), row("b")], {PARTITION: 1}))
    queue.send(notification(writer))
    queue.hand_over(wake)
    return Quarantine.objects.get()


def row(name: str) -> Row:
    return report_row(REPORT_TABLES["events"], "123", DAY, [name])


def notification(writer: UnloadWriter) -> str:
    return (
        f'{{"Records": [{{"s3": {{"bucket": {{"name": "{BUCKET}"}}, "object": {{"key": "{writer.manifest_key}"}}}}}}]}}'
    )


def shown(page: Client, data_flow: DataFlow) -> str:
    return page.get(reverse("data-flow-detail", args=[data_flow.id])).content.decode()


def press(page: Client, data_flow: DataFlow, unload: Quarantine) -> str:
    address = reverse("load-again", args=[data_flow.id, unload.pk])
    return page.post(address, follow=True).content.decode()


def test_a_mended_unload_is_loaded_and_leaves_the_page(
    page: Client, data_flow: DataFlow, bad: Quarantine, writer: UnloadWriter, queue: FedQueue
) -> None:
    assert "events of 123 on 2026-11-01 has 1 rows; its control row says 2." in shown(page, data_flow)
    writer.write_control(writer.control_rows([row("a")], {PARTITION: 1}))

    assert "Asked for." in press(page, data_flow, bad)
    queue.hand_over(wake)

    assert REPORT_MODELS["events"]._default_manager.count() == 1
    assert "row_count_mismatch" not in shown(page, data_flow)


def test_pressed_twice_it_is_asked_for_once(
    page: Client, data_flow: DataFlow, bad: Quarantine, queue: FedQueue
) -> None:
    assert "Asked for." in press(page, data_flow, bad)
    assert "It is asked for already." in press(page, data_flow, bad)
    assert "Loading it again was asked for" in shown(page, data_flow)

    assert queue.left() == 1


def test_an_unload_that_is_bad_still_can_be_asked_for_again(
    page: Client, data_flow: DataFlow, bad: Quarantine, queue: FedQueue
) -> None:
    press(page, data_flow, bad)
    queue.hand_over(wake)
    assert "row_count_mismatch" in shown(page, data_flow)

    assert "Asked for." in press(page, data_flow, bad)


def test_a_queue_that_is_away_is_told_in_words_and_nothing_is_asked_for(
    page: Client, data_flow: DataFlow, bad: Quarantine, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as away:
        away.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
        away.setenv("AWS_MAX_ATTEMPTS", "1")
        said = press(page, data_flow, bad)

    assert "The loader could not be reached; nothing was asked for." in said
    bad.refresh_from_db()
    assert bad.sent_again_at is None


def test_without_the_queues_url_there_is_no_button(
    page: Client, data_flow: DataFlow, bad: Quarantine, settings: Settings
) -> None:
    settings.UPSERT_QUEUE_URL = ""

    assert "Load again" not in shown(page, data_flow)
