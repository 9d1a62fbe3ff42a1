"""An event is followed through MyApp's log by its ids: asked for, published, answered."""

import json
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from dataflows.answers import answer_log_keys
from dataflows.contracts.incidents import DataFlowRemedyReported, RemedyOutcome
from dataflows.management.commands import consume_status
from dataflows.models import OutboxEvent
from dataflows.outbox import relay_due_events
from dataflows.services import data_flow_register
from dataflows.tracing import logged_ids, logged_with
from tests.aws import ACCOUNT_2, aws_client
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.test_outbox import set_faults
from tests.logged import Line, Logged, logged

__all__ = ["logged"]


def test_ids_hold_within_their_block_and_those_around_it_stay() -> None:
    with logged_with(request_id="r"):
        with logged_with(data_flow_id=uuid.UUID(int=1)):
            assert logged_ids() == {"request_id": "r", "data_flow_id": str(uuid.UUID(int=1))}
        assert logged_ids() == {"request_id": "r"}
    assert logged_ids() == {}


def test_ids_are_forgotten_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), logged_with(request_id="r"):
        raise ValueError("broken")
    assert logged_ids() == {}


def ids_of(line: Line) -> dict[str, Any]:
    return {name: line.get(name) for name in ("station", "correlation_id", "data_flow_id", "event_id")}


def expected(event: OutboxEvent, station: str) -> dict[str, str]:
    ids = {name: str(getattr(event, name)) for name in ("correlation_id", "data_flow_id", "event_id")}
    return {"station": station, **ids}


@pytest.mark.django_db(transaction=True)
def test_an_event_is_followed_from_the_form_to_eventbridge(operator: User, bus: str, logged: Logged) -> None:
    data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    relay_due_events()

    event = OutboxEvent.objects.get()
    assert ids_of(logged.line("RegisterDataFlow was asked for")) == expected(event, "submit")
    assert ids_of(logged.line("was published")) == expected(event, "publish")


@pytest.mark.django_db(transaction=True)
def test_each_event_of_a_call_is_told_under_its_own_ids(
    operator: User, bus: str, clean_aws: str, logged: Logged
) -> None:
    for number in range(3):
        data_flow_register(data_flow=unsaved_data_flow(property_id=str(1000 + number)), user=operator)
    set_faults(clean_aws, put_events_failed_entries=[0b010])
    relay_due_events()

    (failed,) = OutboxEvent.objects.filter(state="queued")
    assert ids_of(logged.line("was not taken")) == expected(failed, "publish")
    published = [line["event_id"] for line in logged.lines() if "was published" in line["message"]]
    assert sorted(published) == sorted(str(one.event_id) for one in OutboxEvent.objects.filter(state="published"))
    assert logged_ids() == {}


@pytest.fixture
def queue(bus: str, settings: Settings) -> str:
    """The queue of the warehouse's answers."""
    url: str = aws_client("sqs").create_queue(QueueName="status")["QueueUrl"]
    settings.STATUS_QUEUE_URL = url
    return url


def consume(queue: str, body: str) -> str:
    """Put a message on the queue, have it read, and return its id."""
    client = aws_client("sqs")
    message_id: str = client.send_message(QueueUrl=queue, MessageBody=body)["MessageId"]
    (message,) = client.receive_message(QueueUrl=queue)["Messages"]
    consume_status._consume(message)
    return message_id


def answer(**detail: Any) -> str:
    changed = {
        "event_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
        "occurred_at": "2026-11-20T04:00:00Z",
    }
    detail = {**changed, "revision": 1, "status": "received", **detail}
    event = {"account": ACCOUNT_2, "source": "myapp.warehouse", "detail-type": "DataFlowStatusChanged"}
    return json.dumps({**event, "detail": detail})


@pytest.mark.django_db(transaction=True)
def test_an_answer_is_told_under_its_ids_and_the_station_it_speaks_of(
    operator: User, queue: str, logged: Logged
) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    body = answer(data_flow_id=str(data_flow.id))
    detail = json.loads(body)["detail"]

    message_id = consume(queue, body)
    consume(queue, body)

    line = logged.line("DataFlowStatusChanged was recorded")
    assert ids_of(line) == {
        "station": "forward",
        **{name: detail[name] for name in ("correlation_id", "data_flow_id", "event_id")},
    }
    assert line["message_id"] == message_id
    assert logged.line("was here already")["correlation_id"] == detail["correlation_id"]


@pytest.mark.django_db(transaction=True)
def test_an_answer_that_is_of_no_use_is_told_under_its_ids(queue: str, logged: Logged) -> None:
    stranger = str(uuid.uuid4())

    consume(queue, answer(data_flow_id=stranger))

    line = logged.line("is no use")
    assert (line["level"], line["data_flow_id"], line["station"]) == ("ERROR", stranger, "forward")


def test_what_lines_say_of_an_answer_to_retry_needs_no_database() -> None:
    """It is asked for before the guard that keeps the consumer alive when the database is away."""
    remedy = DataFlowRemedyReported(
        event_id=uuid.uuid4(),
        correlation_id=uuid.uuid4(),
        data_flow_id=uuid.uuid4(),
        incident_id=uuid.uuid4(),
        outcome=RemedyOutcome.RETRIED,
        message="It is read again.",
        occurred_at=datetime(2026, 11, 20, 4, tzinfo=UTC),
    )

    assert answer_log_keys(remedy) == {
        "station": "ingest",
        **{name: getattr(remedy, name) for name in ("correlation_id", "data_flow_id", "event_id")},
    }


@pytest.mark.django_db(transaction=True)
def test_what_is_no_answer_is_told_under_its_messages_id(queue: str, logged: Logged) -> None:
    message_id = consume(queue, "no answer at all\n{}")

    assert logged.line("is no use")["message_id"] == message_id
