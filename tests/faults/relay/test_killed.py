"""Processes of MyApp's die by SIGKILL at random lines while they publish: nothing is lost, and all happens once."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from dataflows.models import OutboxEvent
from tests.aws import ACCOUNT_2
from tests.faults.pages import operators_pages, statuses_on_pages
from tests.faults.relay.effects import carry_on, check_one_effect, most_repeated
from tests.faults.relay.measures import percentiles, tell
from tests.faults.relay.relaying import Death, Relaying, relaying
from tests.faults.relay.shown import MARKED, WAITING, published_on_page
from tests.faults.relay.windows import Victim, Window
from tests.warehouse.account import deployed_account

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

Kind = tuple[Window, Victim]

# Of each five kills before the call, and of each five after it, so many in a window.
BEFORE_THE_CALL: dict[Kind, int] = {("telling", "process"): 1, ("claiming", "process"): 2, ("claimed", "process"): 2}
AFTER_THE_CALL: dict[Kind, int] = {("calling", "process"): 1, ("published", "process"): 4}
# Until the lease is over nobody takes over what a process held that died so; after these it may be marked, even by a
# COMMIT that is still on its way.
UNMARKED: frozenset[Window] = frozenset({"claimed", "calling"})
WHOLE_WORKERS: dict[Kind, int] = {("claimed", "parent"): 1, ("published", "both"): 1}


def kinds(times: int) -> Iterator[Kind]:
    for shares in (BEFORE_THE_CALL, AFTER_THE_CALL):
        for kind, share in shares.items():
            yield from [kind] * share * times


@pytest.mark.parametrize("times", [1, pytest.param(20, marks=pytest.mark.slow)])
def test_whoever_dies_publishing_nothing_is_lost_and_all_happens_once(
    times: int, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    account, randomly = deployed_account(), random.Random(times)  # noqa: S311
    pages = operators_pages()
    with relaying(concurrency=16) as relay:
        restarted = [one_death(relay, kind, randomly, pages) for kind in WHOLE_WORKERS for _ in range(times // 2 or 1)]
        deaths = [one_death(relay, kind, randomly, pages) for kind in kinds(times)]
        relay.wait_until_published()
        deliveries = relay.take_deliveries()

    check_seen([*deaths, *restarted])
    check_deliveries([*deaths, *restarted], deliveries)
    seconds = {"child": shown_after_seconds(pages, deaths), "worker": shown_after_seconds(pages, restarted)}
    carried = most_repeated(deliveries, 6 if times == 1 else len(deliveries))
    carry_on(account, carried, randomly)
    check_one_effect(account, carried)
    figures = {name: percentiles(some) for name, some in seconds.items()}
    with capsys.disabled():
        tell("recovery in seconds after a kill", {**figures, **told(deaths, restarted)})
    assert figures["child"]["p95"] <= 30
    assert max(figure["max"] for figure in figures.values()) <= 60


def one_death(relay: Relaying, kind: Kind, randomly: random.Random, pages: Client) -> Death:
    """Let one die; where nobody can have its events yet, see that their data flows' pages say the same."""
    window, victim = kind
    death = relay.kill(window, randomly.random(), victim, number=randomly.randint(1, 2))
    if victim != "process":
        relay.restart_worker()
    elif window in UNMARKED:
        assert sorted(statuses_on_pages(pages, death.property_ids)) == sorted(word for _, word in death.seen.elements())
    return death


def check_seen(deaths: list[Death]) -> None:
    """Check that an event that was not marked was shown as queued, each one in the hands of a process that died."""
    for death in deaths:
        is_unmarked = death.record.window in UNMARKED and death.victim == "process"
        wanted = {WAITING} if is_unmarked else {WAITING, MARKED}
        assert death.seen.keys() <= wanted
        assert death.seen.total() == len(death.property_ids) > 0
    waited = Counter(death.record.window for death in deaths if death.seen[WAITING])
    assert waited.keys() >= {"claiming", "claimed", "calling", "published"}, waited


def shown_after_seconds(pages: Client, deaths: list[Death]) -> list[float]:
    """Return, in order of size, how long after a death each page says that its event was published, once."""
    found = []
    for death in deaths:
        assert statuses_on_pages(pages, death.property_ids) == ["Published"] * len(death.property_ids)
        for property_id in death.property_ids:
            [published_at] = published_on_page(pages, property_id)
            found.append(published_at.timestamp() - death.record.at)
    assert len(found) >= len(deaths) > 0
    return sorted(found)


def check_deliveries(deaths: list[Death], deliveries: dict[str, list[Any]]) -> None:
    """Check that each event arrived, as often as there may have been calls for it, and always as the same."""
    assert deliveries.keys() == {str(event_id) for event_id in OutboxEvent.objects.values_list("event_id", flat=True)}
    attempts = dict(OutboxEvent.objects.values_list("event_id", "attempts"))
    for event_id, number in attempts.items():
        arrived = deliveries[str(event_id)]
        assert 1 <= len(arrived) <= number
        assert all(envelope["detail"] == arrived[0]["detail"] for envelope in arrived)
    for death in deaths:
        if death.record.window in ("telling", "claiming", "claimed") and death.victim == "process":
            events = OutboxEvent.objects.filter(data_flow__property_id__in=death.property_ids)
            assert {len(deliveries[str(event.event_id)]) for event in events} == {1}


def told(deaths: list[Death], restarted: list[Death]) -> dict[str, Any]:
    every = [*deaths, *restarted]
    return {
        "kills": Counter(death.record.window for death in every),
        "shown_as_queued": Counter(death.record.window for death in every if death.seen[WAITING]),
        "places": len({death.record.place for death in every}),
        "sent_twice": OutboxEvent.objects.filter(attempts__gt=1).count(),
    }
