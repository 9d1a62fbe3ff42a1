"""Ranges of days put together and taken apart."""

from collections.abc import Iterable
from datetime import timedelta

from dataflows.contracts.plan import DateWindow


def merged(windows: Iterable[DateWindow]) -> list[DateWindow]:
    """Return the dates of all windows as the fewest windows, oldest first."""
    joined: list[DateWindow] = []
    for window in sorted(windows, key=lambda window: window.start_date):
        if joined and window.start_date <= joined[-1].end_date + timedelta(1):
            last = joined.pop()
            window = DateWindow(last.start_date, max(last.end_date, window.end_date))
        joined.append(window)
    return joined


def left_of(windows: Iterable[DateWindow], taken: Iterable[DateWindow]) -> list[DateWindow]:
    """Return the dates of `windows` that are in none of those `taken`, as the fewest windows, oldest first."""
    left = list(windows)
    for window in taken:
        left = [part for whole in left for part in whole.without(window)]
    return merged(left)
