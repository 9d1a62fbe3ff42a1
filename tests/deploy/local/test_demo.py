"""How the demo lives through its days."""

from datetime import UTC, datetime

from deploy.local.demo import stops


def test_the_clock_stops_once_a_day_and_then_at_the_end() -> None:
    start, end = datetime(2026, 11, 18, 16, 26, tzinfo=UTC), datetime(2026, 11, 20, 16, 30, tzinfo=UTC)

    assert list(stops(start, end)) == [
        datetime(2026, 11, 19, 14, tzinfo=UTC),
        datetime(2026, 11, 20, 14, tzinfo=UTC),
        end,
    ]


def test_the_clock_that_stood_at_a_stop_goes_on_to_the_next() -> None:
    start, end = datetime(2026, 11, 19, 14, tzinfo=UTC), datetime(2026, 11, 20, 9, tzinfo=UTC)

    assert list(stops(start, end)) == [end]
