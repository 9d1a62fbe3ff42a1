"""What was decided is published: nothing lost, one row an event, shown to the operator as it goes."""

import json
from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.contrib.auth.models import User
from django.utils import timezone
from pytest_django.fixtures import Settings

from dataflows.contracts.events import DataFlowState, parse_register_data_flow
from dataflows.contracts.plan import make_plan
from dataflows.models import DataFlow, OutboxEvent
from dataflows.outbox import event_bridge, outbox_repeat_unanswered, relay_due_events
from dataflows.services import data_flow_change_state, data_flow_register, data_flow_send_again
from deploy.local.servers.ports import reserve_port
from tests.aws import aws_client
from tests.dataflows.conftest import unsaved_data_flow

pytestmark = pytest.mark.django_db(transaction=True)


def published(queue_url: str) -> list[dict[str, Any]]:
    """Take every event that has arrived on the bus."""
    found: list[dict[str, Any]] = []
    sqs = aws_client("sqs")
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            found.append(json.loads(message["Body"]))
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found


def make_due() -> None:
    OutboxEvent.objects.update(next_attempt_at=timezone.now())


def set_faults(url: str, **faults: Any) -> None:
    requests.post(f"{url}/_local/faults", json=faults, timeout=5).raise_for_status()


def test_registration_is_published_with_its_plan(operator: User, bus: str) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    assert relay_due_events() == 1
    (envelope,) = published(bus)
    event = parse_register_data_flow(envelope["detail"])
    assert envelope["detail-type"] == "RegisterDataFlow"
    assert event.data_flow_id == data_flow.id
    assert event.plan_hash == make_plan(event).hash
    data_flow.refresh_from_db()
    assert data_flow.status == DataFlow.Status.PUBLISHED
    assert [entry.station for entry in data_flow.timeline.all()] == ["submit", "publish"]


def test_every_change_of_state_is_a_revision_of_its_own(operator: User, bus: str) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.PAUSED, user=operator)
    relay_due_events()
    assert {(e["detail"]["revision"], e["detail"]["state"]) for e in published(bus)} == {(1, "active"), (2, "paused")}


def test_only_the_entries_that_failed_are_sent_again(operator: User, bus: str, clean_aws: str) -> None:
    for number in range(10):
        data_flow_register(data_flow=unsaved_data_flow(property_id=str(1000 + number)), user=operator)
    set_faults(clean_aws, put_events_failed_entries=[0b0000010110])
    assert relay_due_events() == 7
    assert OutboxEvent.objects.filter(state="queued", attempts=1).count() == 3
    assert DataFlow.objects.filter(status=DataFlow.Status.RETRYING).count() == 3
    make_due()
    assert relay_due_events() == 3
    ids = [envelope["detail"]["event_id"] for envelope in published(bus)]
    assert len(ids) == len(set(ids)) == 10


def test_throttled_call_is_shown_and_tried_again_later(operator: User, bus: str, clean_aws: str) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    set_faults(clean_aws, throttle=1)
    assert relay_due_events() == 0
    data_flow.refresh_from_db()
    assert data_flow.status == DataFlow.Status.RETRYING
    assert "tried again by itself" in data_flow.status_message
    assert relay_due_events() == 0, "it has to wait for its back-off"
    make_due()
    assert relay_due_events() == 1


def test_events_too_large_for_one_call_go_in_several(operator: User, bus: str) -> None:
    values = ["v" * 200] * 20
    filters = [{"dimension": "country", "operator": "equal_to", "values": values}] * 10
    for number in range(10):
        large = unsaved_data_flow(
            property_id=str(1000 + number), reports=[{"slug": "traffic_acquisition"}], filters=filters
        )
        data_flow_register(data_flow=large, user=operator)
    assert relay_due_events() == 10
    assert len(published(bus)) == 10


def test_what_can_not_be_reached_is_called_once_a_sweep(
    operator: User, bus: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(12):
        data_flow_register(data_flow=unsaved_data_flow(property_id=str(1000 + number)), user=operator)
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{reserve_port()}")
    event_bridge.cache_clear()
    assert relay_due_events() == 0
    assert Counter(OutboxEvent.objects.values_list("attempts", flat=True)) == {1: 10, 0: 2}
    assert Counter(DataFlow.objects.values_list("status", flat=True)) == {"retrying": 10, "queued": 2}


def test_earlier_revision_does_not_speak_for_a_later_one(operator: User, bus: str, clean_aws: str) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.PAUSED, user=operator)
    set_faults(clean_aws, put_events_failed_entries=[0b10])
    assert relay_due_events() == 1
    data_flow.refresh_from_db()
    assert data_flow.status == DataFlow.Status.RETRYING


def test_failure_to_ask_again_is_shown(operator: User, bus: str, clean_aws: str) -> None:
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    relay_due_events()
    OutboxEvent.objects.update(published_at=timezone.now() - timedelta(hours=1))
    outbox_repeat_unanswered()
    set_faults(clean_aws, throttle=1)
    relay_due_events()
    data_flow.refresh_from_db()
    assert data_flow.status == DataFlow.Status.RETRYING


def test_giving_up_is_visible_and_can_be_taken_back(
    operator: User, bus: str, clean_aws: str, settings: Settings
) -> None:
    settings.OUTBOX_MAX_ATTEMPTS = 2
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    set_faults(clean_aws, throttle=2)
    for _ in range(2):
        relay_due_events()
        make_due()
    data_flow.refresh_from_db()
    assert data_flow.status == DataFlow.Status.UNDELIVERED
    assert relay_due_events() == 0
    assert data_flow_send_again(data_flow_id=data_flow.id) == 1
    assert relay_due_events() == 1


def test_row_of_a_relay_that_died_is_due_when_its_lease_ends(operator: User, bus: str) -> None:
    data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    OutboxEvent.objects.update(claimed_until=timezone.now() + timedelta(seconds=60))
    assert relay_due_events() == 0
    OutboxEvent.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert relay_due_events() == 1


def test_event_without_an_answer_is_sent_again(operator: User, bus: str) -> None:
    data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    relay_due_events()
    assert outbox_repeat_unanswered() == 0, "it is not time yet"
    OutboxEvent.objects.update(published_at=timezone.now() - timedelta(hours=1))
    assert outbox_repeat_unanswered() == 1
    assert relay_due_events() == 1
    first, again = published(bus)
    assert first["detail"] == again["detail"]


def test_answered_event_is_not_sent_again(operator: User, bus: str) -> None:
    data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    relay_due_events()
    OutboxEvent.objects.update(published_at=timezone.now() - timedelta(hours=1))
    DataFlow.objects.update(status=DataFlow.Status.ACTIVE)
    assert outbox_repeat_unanswered() == 0


def test_registered_property_is_not_registered_twice(operator: User, bus: str) -> None:
    data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    with pytest.raises(Exception, match="registered already"):
        data_flow_register(data_flow=unsaved_data_flow(), user=operator)
    assert OutboxEvent.objects.count() == 1
