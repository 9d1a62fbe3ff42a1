"""The broker loses what it holds, dies, or answers no more: the events are in the table, and nobody waits for it."""

import random
import time
from collections import Counter
from dataclasses import dataclass

import pytest
from pytest_django.fixtures import Settings

from dataflows.models import DataFlow, OutboxEvent
from deploy.local.processes import wait_until
from tests.aws import ACCOUNT_2, aws_endpoint, clean_aws
from tests.faults.pages import operators_pages, statuses_on_pages
from tests.faults.relay.effects import carry_on, check_one_effect, most_repeated
from tests.faults.relay.measures import percentiles, tell
from tests.faults.relay.relaying import Relaying, relaying
from tests.faults.relay.shown import MARKED, WAITING, Seen, seen
from tests.warehouse.account import deployed_account

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]


@pytest.mark.parametrize("times", [6, pytest.param(100, marks=pytest.mark.slow)])
def test_flushed_or_restarted_broker_loses_nothing_and_all_happens_once(
    clean_aws: str, times: int, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    account, randomly, pages = deployed_account(), random.Random(times), operators_pages()  # noqa: S311
    with relaying(concurrency=2) as relay:
        losses = [one_loss(relay, how, randomly) for how in breaks(times, randomly)]
        deliveries = relay.take_deliveries()
        brokers = relay.brokers

    lost = [loss for loss in losses if loss.is_surely_lost]
    assert [loss.seen for loss in lost] == [Counter({WAITING: len(loss.property_ids)}) for loss in lost]
    assert len(lost) >= times * 4 // 10
    assert brokers - 1 >= times * 15 // 100
    assert len(deliveries) == OutboxEvent.objects.count()
    everybody = list(DataFlow.objects.values_list("property_id", flat=True))
    assert statuses_on_pages(pages, everybody) == ["Published"] * len(deliveries)
    carried = most_repeated(deliveries, 3 if times == 6 else len(deliveries))
    carry_on(account, carried, randomly)
    check_one_effect(account, carried)
    seconds = sorted(loss.seconds for loss in losses)
    with capsys.disabled():
        tell(
            "caught up in seconds after the broker was flushed or restarted",
            {**percentiles(seconds), "restarts": brokers - 1, "surely_lost": len(lost)},
        )
    assert seconds[-1] <= 60


@dataclass(frozen=True)
class Loss:
    """What the broker may have lost: registrations, what was seen of them at once, how long they took then."""

    property_ids: list[str]
    is_surely_lost: bool
    seen: Seen
    seconds: float


def breaks(times: int, randomly: random.Random) -> list[str]:
    """Return so many ways to break the broker, in random order: a quarter of them dying, a quarter under load."""
    chosen = [("dying", "under load", "flushed", "flushed")[number % 4] for number in range(times)]
    return randomly.sample(chosen, times)


def one_loss(relay: Relaying, how: str, randomly: random.Random) -> Loss:
    """Let the broker lose what it is told of some registrations, and wait until they are published."""
    number = randomly.randint(1, 3)
    match how:
        case "dying":
            relay.kill_broker()
            property_ids = relay.register(number)
            found = seen(property_ids)
            relay.revive_broker()
        case "under load":
            property_ids = registered_while_busy(relay, number)
            found = seen(property_ids)
            relay.eventbridge.gate.set()
        case _:
            property_ids = relay.register(number)
            relay.flush_broker()
            found = seen(property_ids)
            assert found.keys() <= {WAITING, MARKED}
            assert found.total() == number
    lost_at = time.monotonic()
    relay.wait_until_published()
    return Loss(property_ids, how != "flushed", found, time.monotonic() - lost_at)


def registered_while_busy(relay: Relaying, number: int) -> list[str]:
    """Keep both processes of the worker in calls, so that the broker holds what it is told, and flush it then."""
    relay.eventbridge.gate.clear()
    busy: list[str] = []
    for calls in (1, 2):
        busy += relay.register(1)
        assert wait_until(lambda calls=calls: relay.eventbridge.waiting >= calls, 10)  # type: ignore[misc]
    property_ids = relay.register(number)
    assert relay.told_to_broker() > 0
    relay.flush_broker()
    return [*busy, *property_ids]


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
