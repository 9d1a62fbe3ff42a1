"""Registration stops after every statement of its DDL and after every answer: tried again, it comes to its end."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Final

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


# As the page has them. No death is seen after the last: it comes when all is noted, and nothing is left to be repeated.
STEPS: Final = ("Published", "Received", "Schema ready", "Flows created", "Active")


@pytest.mark.parametrize(
    ("dying", "least", "steps"),
    [
        pytest.param(dies_after_statements, 25, STEPS[:2], id="ddl", marks=pytest.mark.slow),
        pytest.param(dies_after, 15, STEPS[:4], id="calls"),
    ],
)
def test_first_registration_of_all_comes_through_dying_at_every_step(
    account: Account2, add_properties: AddProperties, dying: Dying, least: int, steps: tuple[str, ...]
) -> None:
    event = data_flow(property_id=add_properties(1)[0])
    ask(event)

    seen = list(seen_while_dying(account, event, dying))

    check_state(account, [event])
    assert len(seen) >= least
    assert tuple(dict.fromkeys(seen)) == steps
    assert seen == sorted(seen, key=STEPS.index)  # what was shown once is not taken back, whatever dies


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
