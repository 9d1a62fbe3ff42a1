"""The register function's own processes die by SIGKILL at random moments, alone and two at once: all happens once."""

import random
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from django.test import Client

from dataflows.contracts.events import RegisterDataFlow
from tests.faults.pages import operators_pages, statuses_on_pages
from tests.faults.registration.conftest import AddProperties
from tests.faults.registration.processes import RegisterProcesses
from tests.faults.registration.registry import ask, hear
from tests.faults.registration.state import check_state
from tests.faults.registration.test_stopped import STEPS
from tests.warehouse.account import Account2
from tests.warehouse.requests import data_flow

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

DEATHS: Final = 30
PAIRS: Final = 10


@pytest.fixture
def processes(account: Account2, tmp_path: Path) -> RegisterProcesses:
    return RegisterProcesses(account, tmp_path)


@pytest.fixture
def seconds(account: Account2, add_properties: AddProperties, processes: RegisterProcesses) -> float:
    """How long the first registration of all takes."""
    event = registered(add_properties)
    took = processes.seconds(event)
    hear(account)
    check_state(account, [event])
    return took


def test_killed_at_random_moments_a_registration_goes_on_and_is_there_once(
    account: Account2, add_properties: AddProperties, processes: RegisterProcesses, seconds: float
) -> None:
    randomly, pages, seen = random.Random(DEATHS), operators_pages(), set()  # noqa: S311 - to be repeated
    while processes.deaths < DEATHS:
        account.empty()
        event = registered(add_properties)
        seen |= set(seen_while_dying(account, processes, event, pages, [randomly.random() * seconds for _ in range(4)]))

    assert seen >= {"Published", "Received", "Schema ready"}  # it died in all of it


def test_pairs_in_two_processes_of_which_one_dies_are_there_once_each(
    account: Account2, add_properties: AddProperties, processes: RegisterProcesses, seconds: float
) -> None:
    randomly, pages = random.Random(PAIRS), operators_pages()  # noqa: S311 - to be repeated
    for turn in range(PAIRS):
        account.empty()  # so both make the tables that they share
        pair = [registered(add_properties) for _ in range(2)]
        deaths = [None, randomly.random() * seconds if turn % 2 else None]

        with ThreadPoolExecutor(2) as pool:
            done = list(pool.map(processes.deliver, pair, deaths))
            again = [event for event, is_done in zip(pair, done, strict=True) if not is_done]
            list(pool.map(processes.deliver_until_done, again))

        hear(account)
        check_state(account, pair)
        assert statuses_on_pages(pages, [event.property.property_id for event in pair]) == ["Active", "Active"]
    assert processes.deaths > 0


def seen_while_dying(
    account: Account2, processes: RegisterProcesses, event: RegisterDataFlow, pages: Client, moments: list[float]
) -> list[str]:
    """Let registration die at each of the moments, then come through; return what its page showed after each death."""
    on_page = partial(statuses_on_pages, pages, [event.property.property_id])
    seen = on_page()
    for moment in moments:
        if processes.deliver(event, dies_after_seconds=moment):
            break
        hear(account)
        seen += on_page()
    processes.deliver_until_done(event)
    hear(account)
    check_state(account, [event])
    assert on_page() == ["Active"]
    assert seen == sorted(seen, key=STEPS.index)
    return seen


def registered(add_properties: AddProperties) -> RegisterDataFlow:
    """Return the event of a property that MyApp has just published."""
    event = data_flow(property_id=add_properties(1)[0])
    ask(event)
    return event
