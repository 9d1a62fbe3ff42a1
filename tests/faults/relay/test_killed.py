"""Processes of MyApp's die by SIGKILL at random lines while they publish: nothing is lost, and all happens once."""

import random
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from dataflows.models import DataFlow, OutboxEvent
from tests.aws import ACCOUNT_2
from tests.faults.relay.effects import carry_on, check_one_effect, most_repeated
from tests.faults.relay.measures import percentiles, recovery_seconds, tell
from tests.faults.relay.relaying import Death, Relaying, relaying
from tests.faults.relay.windows import Victim, Window
from tests.warehouse.account import deployed_account

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

Kind = tuple[Window, Victim]

# Of each hundred kills before the call, and of each after it, so many in a window.
BEFORE_THE_CALL: dict[Kind, int] = {("telling", "process"): 2, ("claiming", "process"): 3, ("claimed", "process"): 5}
AFTER_THE_CALL: dict[Kind, int] = {("calling", "process"): 2, ("published", "process"): 8}
WHOLE_WORKERS: dict[Kind, int] = {("claimed", "parent"): 1, ("published", "both"): 1}


def kinds(times: int) -> Iterator[Kind]:
    for shares in (BEFORE_THE_CALL, AFTER_THE_CALL):
        for kind, share in shares.items():
            yield from [kind] * share * times


@pytest.mark.parametrize("times", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_whoever_dies_publishing_nothing_is_lost_and_all_happens_once(
    times: int, settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    account, randomly = deployed_account(), random.Random(times)  # noqa: S311
    with relaying(concurrency=16) as relay:
        restarted = [one_death(relay, kind, randomly) for kind in WHOLE_WORKERS for _ in range(times)]
        deaths = [one_death(relay, kind, randomly) for kind in kinds(times)]
        relay.wait_until_published()
        deliveries = relay.take_deliveries()

    check_deliveries([*deaths, *restarted], deliveries)
    carried = most_repeated(deliveries, 6 if times == 1 else len(deliveries))
    carry_on(account, carried, randomly)
    check_one_effect(account, carried)
    figures = {name: percentiles(recovery_seconds(some)) for name, some in (("child", deaths), ("worker", restarted))}
    with capsys.disabled():
        tell("recovery in seconds after a kill", {**figures, **told(deaths, restarted)})
    assert figures["child"]["p95"] <= 30
    assert max(figure["max"] for figure in figures.values()) <= 60


def one_death(relay: Relaying, kind: Kind, randomly: random.Random) -> Death:
    """Let one die, and look at what the operator is shown of what it had in its hands."""
    window, victim = kind
    death = relay.kill(window, randomly.random(), victim, number=randomly.randint(1, 2))
    shown = DataFlow.objects.filter(
        property_id__in=death.property_ids, outbox_events__state=OutboxEvent.State.QUEUED
    ).values_list("status", flat=True)
    assert set(shown) <= {DataFlow.Status.QUEUED}
    if victim != "process":
        relay.restart_worker()
    return death


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
        "places": len({death.record.place for death in every}),
        "sent_twice": OutboxEvent.objects.filter(attempts__gt=1).count(),
    }
