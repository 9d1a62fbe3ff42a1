"""EventBridge refuses, breaks, cuts the line or never answers: it is told in words, and passes by itself."""

import random
import time
from typing import Final

import pytest
from pytest_django.fixtures import Settings

from dataflows.models import DataFlow, OutboxEvent
from deploy.local.processes import wait_until
from tests.aws import ACCOUNT_2, aws_endpoint, clean_aws
from tests.faults.relay.effects import carry_on, check_one_effect, most_repeated
from tests.faults.relay.faulty_eventbridge import (
    CUT,
    CUT_BUT_TAKEN,
    FAILED_BUT_TAKEN,
    THROTTLED,
    TIMED_OUT,
    TIMED_OUT_BUT_TAKEN,
    UNAVAILABLE,
    Fault,
)
from tests.faults.relay.measures import tell
from tests.faults.relay.relaying import Relaying, relaying
from tests.warehouse.account import deployed_account

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

QUICK: Final = {"throttled": THROTTLED, "failed but taken": FAILED_BUT_TAKEN, "cut": CUT}
SLOW: Final = {
    **QUICK,
    "unavailable": UNAVAILABLE,
    "cut but taken": CUT_BUT_TAKEN,
    "timed out": TIMED_OUT,
    "timed out but taken": TIMED_OUT_BUT_TAKEN,
}


@pytest.mark.parametrize("faults", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)], ids=["quick", "slow"])
def test_what_passes_is_shown_as_retrying_then_published_and_happens_once(
    faults: dict[str, Fault], clean_aws: str, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    account, randomly = deployed_account(), random.Random(len(faults))  # noqa: S311 - to be repeated
    with relaying() as relay:
        seconds = {name: seconds_after(relay, fault) for name, fault in faults.items()}
        deliveries = relay.take_deliveries()

    attempts = dict(OutboxEvent.objects.values_list("event_id", "attempts"))
    assert deliveries.keys() == {str(event_id) for event_id in attempts}
    assert all(1 <= len(deliveries[str(event_id)]) <= number for event_id, number in attempts.items())
    assert max(map(len, deliveries.values())) > 1  # of what was taken and not answered for
    carried = most_repeated(deliveries, 3 if faults is QUICK else len(deliveries))
    carry_on(account, carried, randomly)
    check_one_effect(account, carried)
    with capsys.disabled():
        tell("published in seconds after EventBridge had", seconds)
    assert max(seconds.values()) <= 60


def seconds_after(relay: Relaying, fault: Fault, *, attempts: int = 1) -> float:
    """Let calls fail until an event has failed so often; return how long after that all are published."""
    relay.eventbridge.lasting = fault
    property_ids = relay.register(3)
    failed = OutboxEvent.objects.filter(data_flow__property_id__in=property_ids, attempts__gte=attempts)
    assert wait_until(lambda: failed.exclude(last_error="").count() == 3, 300)
    data_flows = list(DataFlow.objects.filter(property_id__in=property_ids))
    assert {data_flow.get_status_display() for data_flow in data_flows} == {"Retrying"}
    assert all("it is tried again by itself" in data_flow.status_message for data_flow in data_flows)
    relay.eventbridge.lasting = None
    ended_at = time.monotonic()
    relay.wait_until_published()
    assert {data_flow.get_status_display() for data_flow in DataFlow.objects.all()} == {"Published"}
    return round(time.monotonic() - ended_at, 1)


@pytest.mark.slow
def test_after_a_long_outage_all_is_published_within_a_minute(
    clean_aws: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with relaying() as relay:
        seconds = seconds_after(relay, UNAVAILABLE, attempts=8)  # the pauses have grown as long as they get

    with capsys.disabled():
        tell("published in seconds after an outage of minutes", {"seconds": seconds})
    assert seconds <= 60
