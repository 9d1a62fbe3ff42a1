"""Whatever is delivered in whatever order, and whoever dies: nothing is lost, doubled, stale or torn."""

from itertools import count, islice

import pytest

from tests.faults.loading.database import Database
from tests.faults.loading.many import outcomes_of
from tests.faults.loading.rig import Rig
from tests.faults.loading.tally import FAULTS, RARE, Tally

SCHEDULES = 300
PROCESSES = 2  # a schedule's loaders take turns: together they keep one core busy

pytestmark = pytest.mark.django_db(transaction=True)


def test_random_schedules_lose_double_and_tear_nothing(database: Database) -> None:
    tally = Tally()
    for outcomes in outcomes_of(database, range(SCHEDULES), PROCESSES):
        for seed, outcome in outcomes:
            tally.add(seed, outcome)
    assert tally.failing == {}  # `make fault-schedules N=1 SEED=…` repeats one
    assert [fault for fault in FAULTS if not tally.fired[fault] and fault not in RARE] == []
    assert tally.as_json(0)["schedules"] == SCHEDULES


def test_a_seed_gives_the_same_steps_again(rig: Rig) -> None:
    outcomes = ((seed, rig.run(seed)) for seed in count(1_000))
    for seed, first in islice(((seed, outcome) for seed, outcome in outcomes if outcome.repeats), 3):
        second = rig.run(seed)
        assert (first.steps, first.fired) == (second.steps, second.fired)
