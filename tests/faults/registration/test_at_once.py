"""Registrations run at once, as often as anybody likes: each is there once, and no operator is shown a failure."""

from collections.abc import Sequence

import pytest

from dataflows.contracts.events import RegisterDataFlow
from tests.faults.registration.conftest import AddProperties
from tests.faults.registration.registry import ask, hear, timeline
from tests.faults.registration.state import check_state
from tests.warehouse.account import Account2
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

DELIVERIES = 14  # the queue's: then a message is a dead letter


def test_same_event_a_hundred_times_eight_at_once_is_carried_out_once(
    account: Account2, add_properties: AddProperties
) -> None:
    event = data_flow(property_id=add_properties(1)[0])
    ask(event)

    deliver(account, [event] * 100, at_once=8)

    hear(account)
    check_state(account, [event])
    assert timeline(event) == ["active", "flows_created", "received", "schema_ready"]


@pytest.mark.parametrize("pairs", [3, pytest.param(200, marks=pytest.mark.slow)])
def test_two_first_registrations_at_once_do_not_fail(
    pairs: int, account: Account2, add_properties: AddProperties
) -> None:
    property_ids = add_properties(2)
    for _ in range(pairs):
        account.empty()  # so both make the tables that they share
        pair = [data_flow(property_id=property_id) for property_id in property_ids]
        ask(*pair)

        deliver(account, pair, at_once=2)

        hear(account)
        check_state(account, pair)


def deliver(account: Account2, events: Sequence[RegisterDataFlow], at_once: int) -> None:
    """Hand events to the function, and what failed again, as the queue does."""
    for _ in range(DELIVERIES):
        if not (events := [events[place] for place in account.send_at_once(events, at_once)]):
            return
    raise AssertionError(f"{len(events)} of the events are dead letters")
