"""The rig finds each bug that is planted within 500 schedules, and none where none can be seen."""

import pytest

from tests.faults.loading.judge import DOUBLED, LOST, STALE, TORN
from tests.faults.loading.plan import plain_plan
from tests.faults.loading.planted import PLANTS
from tests.faults.loading.plants.alike import ALIKE
from tests.faults.loading.rig import Rig, unused_property_id
from tests.slow import marked_slow

MOST_SCHEDULES = 500
SLOW = {  # to find, or close to another; the others take a handful of schedules
    "ledger outside the transaction",
    "sums unchecked",
    "partitions checked one by one, not the whole unload",
    "difference computed before the lock",
    "first load known before the lock",
    "half a transaction retried",
    "failure answered as done",
    "quarantine never resolved",
    "committed statement by statement",
    "no delete of vanished rows, result unchecked",
    "changed rows left as they are",
    "no partition lock",
}
TYPICAL = {  # what these must be found as, so that none of the four numbers is always 0
    "bad unload given back for ever": LOST,
    "same generation added again": DOUBLED,
    "empty partitions ignored": STALE,
    "generation committed before data": TORN,
}

pytestmark = pytest.mark.django_db(transaction=True)


def _schedules_until_found(rig: Rig, plant: str) -> tuple[int, set[str]] | None:
    """Return how many schedules it took, and the kinds of what was found; None if nothing was, or without it too."""
    try:
        for number in range(1, MOST_SCHEDULES + 1):
            kinds = {finding.kind for finding in rig.run(number, plant).findings}
            if TYPICAL.get(plant) in {None, *kinds} and kinds and not rig.run(number).findings:
                return number, kinds
    finally:
        rig.dismiss(plant)
    return None


@pytest.mark.parametrize("plant", [*PLANTS, *ALIKE])
def test_loader_with_a_planted_bug_still_loads(rig: Rig, plant: str) -> None:
    findings = rig.carry_out(plain_plan(unused_property_id()), plant).findings
    rig.dismiss(plant)
    assert {finding.kind for finding in findings} <= {TORN}  # a reader may have come in between


@pytest.mark.parametrize("plant", marked_slow(PLANTS, SLOW))
def test_planted_bug_is_found(rig: Rig, plant: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = _schedules_until_found(rig, plant)
    assert found is not None
    with capsys.disabled():
        print(f"\n{plant}: found in schedule {found[0]} as {', '.join(sorted(found[1]))}")


@pytest.mark.slow
@pytest.mark.parametrize("plant", ALIKE)
def test_what_cannot_be_told_from_right_code_is_not_called_a_bug(rig: Rig, plant: str) -> None:
    assert _schedules_until_found(rig, plant) is None
