"""The cable between MyApp's processes and the broker is cut, or carries one direction only: nothing lost or doubled."""

import random
import time
from typing import Final

import pytest

from dataflows.models import DataFlow, OutboxEvent
from tests.aws import aws_endpoint, clean_aws
from tests.faults.proxy import Direction
from tests.faults.relay.relaying import Relaying, relaying

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = pytest.mark.django_db(transaction=True)

Harm = tuple[str, Direction]

_HARMS: Final[tuple[Harm, ...]] = (("lose", "answers"), ("cut", "requests"), ("cut", "answers"), ("lose", "requests"))
_MOST_BYTES: Final = 2_000  # about what the broker is told of an event
_LONGEST_SECONDS: Final = 10.0  # that an operator waits


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_events_go_out_once_whatever_happens_to_the_cable_to_the_broker(clean_aws: str, times: int) -> None:
    randomly = random.Random(times)  # noqa: S311 - to be repeated
    with relaying(is_cabled=True) as relay:
        for harm in _HARMS[: 2 * times] * times:
            check_harmed(relay, harm, randomly)
        deliveries = relay.take_deliveries()

    assert len(deliveries) == OutboxEvent.objects.count()
    assert {len(arrived) for arrived in deliveries.values()} == {1}


def check_harmed(relay: Relaying, harm: Harm, randomly: random.Random) -> None:
    """Register while the cable is harmed: nobody waits for it, and once it is whole all goes out."""
    how, direction = harm
    if how == "lose":
        relay.cable.lose(direction)
    else:
        relay.cable.cut_after(direction, randomly.randint(1, _MOST_BYTES))
    begun_at = time.monotonic()

    (property_id,) = relay.register(1)

    assert time.monotonic() - begun_at < _LONGEST_SECONDS
    assert DataFlow.objects.get(property_id=property_id).get_status_display() in ("Queued", "Published")
    relay.cable.heal()
    relay.wait_until_published()
