"""EventBridge refuses, breaks, cuts the line or never answers: it is told in words, and passes by itself."""

import time
from typing import Final

import pytest

from dataflows.models import DataFlow, OutboxEvent
from deploy.local.processes import wait_until
from tests.aws import aws_endpoint, clean_aws
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

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = pytest.mark.django_db(transaction=True)

QUICK: Final = {"throttled": THROTTLED, "failed but taken": FAILED_BUT_TAKEN, "cut": CUT}
SLOW: Final = {
    **QUICK,
    "unavailable": UNAVAILABLE,
    "cut but taken": CUT_BUT_TAKEN,
    "timed out": TIMED_OUT,
    "timed out but taken": TIMED_OUT_BUT_TAKEN,
}


@pytest.mark.parametrize("faults", [QUICK, pytest.param(SLOW, marks=pytest.mark.slow)], ids=["quick", "slow"])
def test_what_passes_is_shown_as_retrying_then_published(
    faults: dict[str, Fault], clean_aws: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with relaying() as relay:
        seconds = {name: seconds_after(relay, fault) for name, fault in faults.items()}
        deliveries = relay.take_deliveries()

    attempts = dict(OutboxEvent.objects.values_list("event_id", "attempts"))
    assert deliveries.keys() == {str(event_id) for event_id in attempts}
    assert all(1 <= len(deliveries[str(event_id)]) <= number for event_id, number in attempts.items())
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
