"""Ranges of days: what is left of some when others are taken out."""

from datetime import date, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from dataflows.contracts.plan import DateWindow
from warehouse.days import left_of, merged

FIRST = date(2026, 3, 1)


def window(first: int, length: int) -> DateWindow:
    start = FIRST + timedelta(first)
    return DateWindow(start, start + timedelta(length))


def days(windows: list[DateWindow]) -> set[date]:
    return {
        item.start_date + timedelta(offset)
        for item in windows
        for offset in range((item.end_date - item.start_date).days + 1)
    }


WINDOWS = st.lists(st.builds(window, st.integers(0, 20), st.integers(0, 6)), max_size=5)


@given(WINDOWS, WINDOWS)
def test_what_is_left_is_exactly_the_days_that_are_not_taken(
    windows: list[DateWindow], taken: list[DateWindow]
) -> None:
    left = left_of(windows, taken)

    assert days(left) == days(windows) - days(taken)
    assert all((later.start_date - earlier.end_date).days > 1 for earlier, later in pairwise(left))


@given(WINDOWS)
def test_merged_windows_hold_the_same_days(windows: list[DateWindow]) -> None:
    assert days(merged(windows)) == days(windows)
