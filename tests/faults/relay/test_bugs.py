"""The rig proves itself: what a right relay comes through, a planted bug does not."""

import pytest

from tests.aws import aws_endpoint, clean_aws
from tests.faults.relay import scenarios
from tests.faults.relay.relaying import relaying
from tests.faults.relay.scenarios import SETTINGS, Scenario, WrongRelayError
from tests.slow import marked_slow

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = pytest.mark.django_db(transaction=True)

FOUND_BY = {
    "marks_before_publishing": scenarios.dies_before_the_call,
    "ignores_failed_entries": scenarios.some_entries_fail,
    "marks_late": scenarios.dies_in_a_long_drain,
    "has_no_lease": scenarios.calls_take_long,
    "holds_for_ever": scenarios.dies_before_the_call,
    "publishes_before_the_commit": scenarios.registration_is_taken_back,
}
QUICK = ("marks_before_publishing", "marks_late")


@pytest.mark.slow
def test_a_right_relay_comes_through_all_of_it(clean_aws: str) -> None:
    with relaying(concurrency=4, settings=SETTINGS) as relay:
        for scenario in (*dict.fromkeys(FOUND_BY.values()), scenarios.broker_hears_of_nothing):
            scenario(relay)


@pytest.mark.parametrize("bug", marked_slow(FOUND_BY, FOUND_BY.keys() - set(QUICK)))
def test_a_planted_bug_is_found(bug: str, clean_aws: str) -> None:
    check_found(FOUND_BY[bug], bug=bug, concurrency=4 if bug == "has_no_lease" else 1)


@pytest.mark.slow
def test_a_relay_without_a_sweep_is_found(clean_aws: str) -> None:
    check_found(scenarios.broker_hears_of_nothing, has_beat=False)


def check_found(scenario: Scenario, *, bug: str = "none", has_beat: bool = True, concurrency: int = 1) -> None:
    # One at work: several would share a long drain between them, and one that has no client yet comes through a window
    # that is many times as long as the one that was measured, so it would die long before the end of it.
    with (
        relaying(bug=bug, concurrency=concurrency, has_beat=has_beat, settings=SETTINGS) as relay,
        pytest.raises(WrongRelayError),
    ):
        scenario(relay)
