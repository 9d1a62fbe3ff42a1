"""What a right relay comes through, one situation each; a wrong one fails an assertion."""

from collections.abc import Callable, Sequence
from typing import Any, Final

from dataflows.models import DataFlow, OutboxEvent
from deploy.local.aws.faults import set_faults
from deploy.local.processes import wait_until
from tests.faults.relay.relaying import Relaying

SETTINGS: Final = {"MYAPP_OUTBOX_LEASE_SECONDS": "10"}
_SOON_SECONDS: Final = 30.0  # a lease, a sweep, and a busy machine
_SWEEP_SECONDS: Final = 6.0

Scenario = Callable[[Relaying], None]


class WrongRelayError(AssertionError):
    """The relay did what a right one does not; the message says what."""


def dies_before_the_call(relay: Relaying) -> None:
    """A relay that dies with an event in its hands, just before it is sent."""
    relay.kill("claimed", 0.99)
    _check_all_arrived(relay)


def some_entries_fail(relay: Relaying) -> None:
    """EventBridge takes one of three entries."""
    set_faults({"put_events_failed_entries": [0b101]})
    relay.register(3)
    _check_all_arrived(relay)


def dies_in_a_long_drain(relay: Relaying) -> None:
    """A relay that dies after a call, with thirty events due: the ten of that call come twice, no others."""
    death = relay.kill("published", 0.9, number=30)
    _check_all_arrived(relay)
    again = sum(len(arrived) - 1 for arrived in _arrived(relay, death.property_ids))
    _check(again <= 10, f"{again} events came again")


def calls_take_long(relay: Relaying) -> None:
    """EventBridge is slow, and other relays come by meanwhile: nobody died, so nothing comes twice."""
    relay.eventbridge.gate.clear()
    property_ids = relay.register(3)
    wait_until(lambda: relay.eventbridge.waiting > 1, _SWEEP_SECONDS)
    relay.eventbridge.gate.set()
    _check_all_arrived(relay)
    times = [len(arrived) for arrived in _arrived(relay, property_ids)]
    _check(times == [1, 1, 1], f"the events came so often: {times}")


def broker_hears_of_nothing(relay: Relaying) -> None:
    """The broker is dead while an event is decided."""
    relay.kill_broker()
    relay.register(1)
    relay.revive_broker()
    _check_all_arrived(relay)


def registration_is_taken_back(relay: Relaying) -> None:
    """A transaction that registers one property twice fails: nobody hears of it."""
    relay.processes.register(["800000", "800000"])
    _check(not DataFlow.objects.filter(property_id="800000").exists(), "the data flow is there")
    _check_all_arrived(relay)


def _check_all_arrived(relay: Relaying) -> None:
    _check(relay.are_all_published(_SOON_SECONDS), "not all is published")
    wanted = {str(event_id) for event_id in OutboxEvent.objects.values_list("event_id", flat=True)}
    found = relay.take_deliveries().keys()
    _check(found == wanted, f"never arrived: {wanted - found}; of nothing there is: {found - wanted}")


def _arrived(relay: Relaying, property_ids: Sequence[str]) -> list[list[dict[str, Any]]]:
    """Return what arrived of each event of these properties."""
    events = OutboxEvent.objects.filter(data_flow__property_id__in=property_ids)
    return [relay.deliveries[str(event.event_id)] for event in events]


def _check(is_right: bool, otherwise: str) -> None:
    if not is_right:
        raise WrongRelayError(otherwise)
