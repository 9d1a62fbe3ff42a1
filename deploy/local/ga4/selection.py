"""Which rows of a table a report counts, and which row of the report each belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import numpy as np

from deploy.local.ga4.coded import Booleans, Coded, Groups, Integers, group_rows
from deploy.local.ga4.date_parts import DATE_PARTS, parse_date
from deploy.local.ga4.date_ranges import DateRange
from deploy.local.ga4.event_table import EventTable
from deploy.local.ga4.fields import DATE, DATE_RANGE
from deploy.local.ga4.filters import dimension_rows, filter_mask
from deploy.local.ga4.metrics import Cells
from deploy.local.ga4.recorded_tables import RecordedTable

Table = EventTable | RecordedTable

OTHER: Final = "(other)"
_BASE: Final = -1


@dataclass(frozen=True)
class Window:
    """The longest rolling window of a report: it ends on each date or, without dates, on the range's last one.

    `dimensions` are the others of the report.
    """

    days: int
    is_per_date: bool
    dimensions: tuple[str, ...]


@dataclass(frozen=True)
class Selection:
    """Rows of a table, with the date range and the date they count for.

    `ages` is -1 for rows that count on their own date. Rows of rolling windows are in here once per date they
    count for, with their age in days at that date.
    """

    table: Table
    ranges: tuple[DateRange, ...]
    rows: Integers
    range_codes: Integers
    date_codes: Integers
    ages: Integers

    def column(self, dimension: str) -> Coded:
        """Return a dimension of the selected rows."""
        if dimension == DATE_RANGE:
            return Coded(self.range_codes, tuple(one.name for one in self.ranges))
        if dimension == DATE:
            return Coded(self.date_codes, self.table.dimension(DATE).values)
        return self.table.dimension(dimension).take(self.rows)

    def cells(self, groups: Groups) -> Cells:
        """Return which rows make up each of `groups`."""
        is_base = self.ages == _BASE
        return Cells(
            rows=self.rows[is_base],
            groups=groups.of_row[is_base],
            count=groups.count,
            window_rows=self.rows[~is_base],
            window_groups=groups.of_row[~is_base],
            window_ages=self.ages[~is_base],
        )


def select(
    table: Table, ranges: Sequence[DateRange], now: datetime, dimension_filter: Any, window: Window | None
) -> Selection:
    """Select what a report counts at `now`; `window` is given if it counts users over rolling windows."""
    allowed = table.visible(now)
    mask = filter_mask(dimension_filter, lambda one: dimension_rows(table.dimension(one.field_name), one))
    if mask is not None:
        allowed = allowed & mask
    dates = table.dimension(DATE)
    active = _daily_users(table, allowed, window) if window and isinstance(table, EventTable) else None
    parts = []
    for number, one in enumerate(ranges):
        rows = np.flatnonzero(allowed & dates.where(one.contains))
        parts.append((rows, np.full(len(rows), number), dates.codes[rows], np.full(len(rows), _BASE)))
        if window and active is not None:
            parts += _window_parts(dates, active, one, number, window)
    rows, range_codes, date_codes, ages = (np.concatenate(arrays) for arrays in zip(*parts, strict=True))
    return Selection(table, tuple(ranges), rows, range_codes, date_codes, ages)


def _daily_users(table: EventTable, allowed: Booleans, window: Window) -> Integers:
    """Return one row for each active user, day and value of the dimensions: more would count the same user."""
    active = np.flatnonzero(allowed & (table.number("is_active_user") != 0))
    columns = [table.dimension(name).take(active) for name in (DATE, *window.dimensions)]
    users = table.users()[active]
    keys = group_rows(columns, len(active)).of_row * (users.max(initial=0) + 1) + users
    return active[np.unique(keys, return_index=True)[1]]


def _window_parts(
    dates: Coded, active: Integers, one: DateRange, number: int, window: Window
) -> list[tuple[Integers, Integers, Integers, Integers]]:
    day_numbers = np.array([parse_date(day).toordinal() for day in dates.values], dtype=np.int64)
    ends = [code for code, day in enumerate(dates.values) if one.contains(day)]
    if not window.is_per_date:
        ends = sorted(ends, key=day_numbers.__getitem__)[-1:]
    day_of_active = day_numbers[dates.codes[active]]
    parts = []
    for code in ends:
        ages = day_numbers[code] - day_of_active
        inside = (ages >= 0) & (ages < window.days)
        count = np.count_nonzero(inside)
        parts.append((active[inside], np.full(count, number), np.full(count, code), ages[inside]))
    return parts


def group_selection(
    selection: Selection, dimensions: Sequence[str], cardinality_limit: int | None
) -> tuple[Groups, bool]:
    """Group the selected rows by `dimensions`; say whether rare values were rolled up into `(other)`."""
    columns = [selection.column(name) for name in dimensions]
    kept = [name in {DATE, DATE_RANGE} or name in DATE_PARTS for name in dimensions]
    is_rolled_up = False
    if cardinality_limit is not None and not all(kept):
        texts = [column for column, is_kept in zip(columns, kept, strict=True) if not is_kept]
        rare = _rare_rows(texts, len(selection.rows), cardinality_limit)
        is_rolled_up = bool(rare.any())
        columns = [
            column if is_kept else _with_other(column, rare) for column, is_kept in zip(columns, kept, strict=True)
        ]
    return group_rows(columns, len(selection.rows)), is_rolled_up


def _rare_rows(columns: Sequence[Coded], row_count: int, limit: int) -> Booleans:
    groups = group_rows(columns, row_count)
    counts = np.bincount(groups.of_row, minlength=groups.count)
    is_rare = np.ones(groups.count, dtype=np.bool_)
    is_rare[np.argsort(-counts, kind="stable")[:limit]] = False
    return is_rare[groups.of_row]


def _with_other(column: Coded, rare: Booleans) -> Coded:
    values = column.values if OTHER in column.values else (*column.values, OTHER)
    return Coded(np.where(rare, values.index(OTHER), column.codes), values)
