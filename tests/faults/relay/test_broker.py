"""The broker loses what it holds, dies, or answers no more: the events are in the table, and nobody waits for it."""

import random
import time

import pytest

from dataflows.models import DataFlow, OutboxEvent
from tests.aws import aws_endpoint, clean_aws
from tests.faults.relay.measures import percentiles, tell
from tests.faults.relay.relaying import Relaying, relaying

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize("times", [10, pytest.param(100, marks=pytest.mark.slow)])
def test_flushed_or_restarted_broker_loses_nothing(
    clean_aws: str, times: int, capsys: pytest.CaptureFixture[str]
) -> None:
    randomly = random.Random(times)  # noqa: S311 - to be repeated
    with relaying(concurrency=2) as relay:
        seconds = sorted(caught_up_seconds(relay, randomly) for _ in range(times))
        deliveries = relay.take_deliveries()

    assert len(deliveries) == OutboxEvent.objects.count() == DataFlow.objects.filter(status="published").count()
    with capsys.disabled():
        tell("caught up in seconds after the broker was flushed or restarted", percentiles(seconds))
    assert seconds[-1] <= 60


def caught_up_seconds(relay: Relaying, randomly: random.Random) -> float:
    """Let the broker lose a registration, one time in four by dying; return how long that is felt."""
    is_dying = randomly.random() < 0.25
    if is_dying:
        relay.kill_broker()
    property_ids = relay.register(randomly.randint(1, 3))
    if is_dying:
        relay.revive_broker()
    else:
        relay.flush_broker()
    lost_at = time.monotonic()
    shown = DataFlow.objects.filter(property_id__in=property_ids)
    assert {data_flow.get_status_display() for data_flow in shown} <= {"Queued", "Published"}
    relay.wait_until_published()
    return time.monotonic() - lost_at


@pytest.mark.parametrize("how", ["dead", "frozen"])
def test_no_operator_waits_for_a_broker_that_is_away(clean_aws: str, how: str) -> None:
    with relaying() as relay:
        (relay.kill_broker if how == "dead" else relay.freeze_broker)()
        begun_at = time.monotonic()

        (property_id,) = relay.register(1)

        took = time.monotonic() - begun_at
        data_flow = DataFlow.objects.get(property_id=property_id)
        assert (data_flow.get_status_display(), data_flow.timeline.get().status) == ("Queued", "queued")
        relay.revive_broker()
        relay.wait_until_published(60)
    assert took < 10
