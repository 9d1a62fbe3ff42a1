"""How the demo lives through its days."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from dataflows.contracts.plan import LATE_AFTER, next_run_at
from deploy.local.demo import stops
from deploy.local.ga4.demo import DEMO_PROPERTIES

START, END = datetime(2026, 11, 18, 16, 26, tzinfo=UTC), datetime(2026, 11, 20, 7, 30, tzinfo=UTC)


def test_the_clock_stops_three_times_a_day_and_then_at_the_end() -> None:
    assert list(stops(START, END)) == [
        datetime(2026, 11, 19, 1, 30, tzinfo=UTC),
        datetime(2026, 11, 19, 6, 30, tzinfo=UTC),
        datetime(2026, 11, 19, 12, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 1, 30, tzinfo=UTC),
        datetime(2026, 11, 20, 6, 30, tzinfo=UTC),
        END,
    ]


def test_the_clock_that_stood_at_a_stop_goes_on_to_the_next() -> None:
    assert list(stops(datetime(2026, 11, 20, 6, 30, tzinfo=UTC), END)) == [END]


def test_the_clock_waits_for_each_run_before_its_rows_are_late() -> None:
    summer = datetime(2026, 7, 1, tzinfo=UTC)
    for start in (START, summer):
        for before, stop in pairwise(stops(start, start + timedelta(3))):
            due = [next_run_at(one.settings.time_zone, 4, before) for one in DEMO_PROPERTIES]
            assert all(at >= stop or stop < at + LATE_AFTER for at in due)
