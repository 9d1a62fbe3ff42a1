"""Registration stops after every statement of its DDL and after every answer: tried again, it comes to its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from dataflows.contracts.events import RegisterDataFlow
from tests.faults.registration.conftest import AddProperties
from tests.faults.registration.registry import ask, hear, shown
from tests.faults.registration.state import check_state
from tests.warehouse.account import Account2
from tests.warehouse.interruption import Died, dies_after, dies_after_statements
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

Dying = Callable[[int], AbstractContextManager[None]]


@pytest.mark.parametrize(("dying", "least"), [(dies_after_statements, 25), (dies_after, 15)], ids=["ddl", "calls"])
def test_first_registration_of_all_comes_through_dying_at_every_step(
    account: Account2, add_properties: AddProperties, dying: Dying, least: int
) -> None:
    event = data_flow(property_id=add_properties(1)[0])
    ask(event)

    steps = list(seen_while_dying(account, event, dying))

    check_state(account, [event])
    assert len(steps) >= least
    assert set(steps) <= {"Published", "Received", "Schema ready", "Flows created", "Active"}


def seen_while_dying(account: Account2, event: RegisterDataFlow, dying: Dying) -> Iterator[str]:
    """Let registration die one step later each time until it comes through; give what is shown after each death."""
    deaths = 0
    while True:
        try:
            with dying(deaths):
                assert account.send(event) == []
        except Died:
            deaths += 1
            hear(account)
            yield shown(event)[0]
        else:
            hear(account)
            return
