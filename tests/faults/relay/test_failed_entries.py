"""EventBridge takes only some entries of a call: exactly the others are sent again, in their order."""

import random

import pytest
from django.contrib.auth.models import User
from django.db.models import F, Max
from django.utils import timezone
from pytest_django.fixtures import Settings

from dataflows.contracts.events import DataFlowState
from dataflows.models import DataFlow, OutboxEvent
from dataflows.outbox import relay_due_events
from dataflows.services import data_flow_change_state, data_flow_register
from deploy.local.aws.faults import set_faults
from tests.aws import ACCOUNT_2
from tests.dataflows.conftest import aws_endpoint, bus, clean_aws, operator, unsaved_data_flow
from tests.dataflows.test_outbox import published
from tests.faults.relay.effects import carry_on, check_one_effect, most_repeated
from tests.faults.relay.measures import tell
from tests.faults.relay.relaying import relaying
from tests.warehouse.account import deployed_account

__all__ = ["aws_endpoint", "bus", "clean_aws", "operator"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

STATES = (DataFlowState.PAUSED, DataFlowState.ACTIVE)


@pytest.mark.parametrize("masks", [20, pytest.param(1000, marks=pytest.mark.slow)])
def test_exactly_what_failed_is_sent_again_in_its_order(masks: int, operator: User, bus: str) -> None:
    randomly = random.Random(masks)  # noqa: S311 - to be repeated
    for number in range(10):
        data_flow_register(data_flow=unsaved_data_flow(property_id=str(1000 + number)), user=operator)
    assert (relay_due_events(), len(published(bus))) == (10, 10)

    for turn in range(masks):
        failing = randomly.sample(range(10), turn % 10 + 1)
        events = ask_for_all(operator, STATES[turn % 2])
        set_faults({"put_events_failed_entries": [sum(1 << place for place in failing)]})

        assert relay_due_events() == 10 - len(failing)

        taken = [event for place, event in enumerate(events) if place not in failing]
        refused = [event for place, event in enumerate(events) if place in failing]
        assert [envelope["detail"]["event_id"] for envelope in published(bus)] == taken
        assert shown(taken) == ({("Published", "")} if taken else set())
        assert shown(refused) == {
            ("Retrying", "EventBridge has not taken the event yet (1 attempts); it is tried again by itself.")
        }
        OutboxEvent.objects.update(next_attempt_at=timezone.now())
        assert relay_due_events() == len(failing)
        assert [envelope["detail"]["event_id"] for envelope in published(bus)] == refused
        assert shown(events) == {("Published", "")}


def ask_for_all(operator: User, state: DataFlowState) -> list[str]:
    """Change every data flow; return the ids of the events that say so, in their order."""
    for data_flow in DataFlow.objects.all():
        data_flow_change_state(data_flow_id=data_flow.id, state=state, user=operator)
    events = OutboxEvent.objects.filter(state=OutboxEvent.State.QUEUED).order_by("created_at")
    return [str(event.event_id) for event in events]


def shown(events: list[str]) -> set[tuple[str, str]]:
    """Return what an operator sees of the data flows of these events."""
    data_flows = DataFlow.objects.filter(outbox_events__event_id__in=events)
    return {(data_flow.get_status_display(), data_flow.status_message) for data_flow in data_flows}


@pytest.mark.slow
def test_a_third_of_all_entries_failing_loses_nothing_and_all_happens_once(
    clean_aws: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    account, number = deployed_account(), 500
    randomly = random.Random(number)  # noqa: S311 - to be repeated
    masks = [sum((randomly.random() < 0.3) << place for place in range(10)) for _ in range(number)]
    with relaying(concurrency=2) as relay:
        set_faults({"put_events_failed_entries": masks})
        for _ in range(number // 10):
            relay.register(10)
        relay.wait_until_published()
        deliveries = relay.take_deliveries()

    assert {len(arrived) for arrived in deliveries.values()} == {1}
    assert len(deliveries) == OutboxEvent.objects.count() == number + 1
    set_faults({})  # those left are not for Account 2's answers
    carried = most_repeated(deliveries, 100)
    carry_on(account, carried, randomly)
    check_one_effect(account, carried)
    slowest = OutboxEvent.objects.aggregate(seconds=Max(F("published_at") - F("created_at")), attempts=Max("attempts"))
    with capsys.disabled():
        tell(
            "a third of the entries failing",
            {"slowest_seconds": slowest["seconds"].total_seconds(), "most_attempts": slowest["attempts"]},
        )
