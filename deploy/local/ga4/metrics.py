"""How each metric is counted from events, group by group."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from deploy.local.ga4.coded import Booleans, Integers, count_distinct
from deploy.local.ga4.event_table import EventTable
from deploy.local.ga4.fields import WINDOW_DAYS
from deploy.local.ga4.values import MetricValues

_MICROS: Final = 1_000_000
_VIEWS: Final = frozenset({"page_view", "screen_view"})
_FIRST_VISITS: Final = frozenset({"first_visit", "first_open"})


@dataclass(frozen=True)
class Cells:
    """Which events belong to which row of the report: event `rows[i]` to group `groups[i]` of `count`.

    `window_rows`, `window_groups` and `window_ages` (days before the group's date) are the events of the days
    before, for metrics over rolling windows.
    """

    rows: Integers
    groups: Integers
    count: int
    window_rows: Integers
    window_groups: Integers
    window_ages: Integers


@dataclass(frozen=True)
class EventMetrics:
    """Computes metrics over the cells of one report."""

    table: EventTable
    cells: Cells

    def compute(self, api_name: str) -> MetricValues:
        """Return the metric of every group."""
        if api_name in WINDOW_DAYS:
            return MetricValues(self._window_users(WINDOW_DAYS[api_name]))
        return _CALCULATIONS[api_name](self)

    def users(self, where: Booleans | None = None) -> Integers:
        """Count distinct users, of the chosen events only if `where` is given (one flag per event row)."""
        return self._distinct(self.table.users(), where)

    def sessions(self, where: Booleans | None = None) -> Integers:
        """Count distinct sessions; one that spans midnight counts in both days, as in GA4."""
        return self._distinct(self.table.sessions(), where)

    def events(self, where: Booleans | None = None) -> Integers:
        """Count events."""
        groups = self.cells.groups if where is None else self.cells.groups[where]
        return np.bincount(groups, minlength=self.cells.count).astype(np.int64)

    def summed(self, amounts: Integers, where: Booleans | None = None) -> Integers:
        """Sum a column exactly."""
        chosen = amounts[self.cells.rows]
        return sum_groups(self.cells, chosen if where is None else np.where(where, chosen, 0))

    def named(self, *event_names: str) -> Booleans:
        """Return which events have one of these names."""
        return self._named(frozenset(event_names))

    def key_events(self) -> Booleans:
        """Return which events are the property's key events."""
        return self._named(self.table.key_events)

    def flagged(self, column: str) -> Booleans:
        """Return which events have a yes in `column`."""
        return np.not_equal(self.table.number(column)[self.cells.rows], 0)

    def money(self, column: str) -> Integers:
        """Sum a currency column, in millionths."""
        return self.summed(self.table.money(column))

    def transactions(self) -> Integers:
        """Count distinct transaction ids of purchases."""
        return self._distinct(self.table.text("transaction_id").codes, self.named("purchase"))

    def session_seconds(self) -> NDArray[np.float64]:
        """Sum over sessions the time between the first and last event that each has in the group."""
        sessions = self.table.sessions()[self.cells.rows]
        times = self.table.number("event_timestamp")[self.cells.rows]
        if not len(times):
            return np.zeros(self.cells.count)
        span = int(sessions.max()) + 1
        keys = self.cells.groups * span + sessions
        order = np.argsort(keys)
        keys, times = keys[order], times[order]
        first = np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1])))
        lengths = np.maximum.reduceat(times, first) - np.minimum.reduceat(times, first)
        return np.bincount(keys[first] // span, weights=lengths, minlength=self.cells.count) / _MICROS

    def _distinct(self, ids: Integers, where: Booleans | None) -> Integers:
        rows, groups = self.cells.rows, self.cells.groups
        if where is not None:
            rows, groups = rows[where], groups[where]
        return count_distinct(groups, self.cells.count, ids[rows])

    def _named(self, names: frozenset[str]) -> Booleans:
        return self.table.text("event_name").where(lambda name: name in names)[self.cells.rows]

    def _window_users(self, days: int) -> Integers:
        inside = self.cells.window_ages < days
        users = self.table.users()[self.cells.window_rows[inside]]
        return count_distinct(self.cells.window_groups[inside], self.cells.count, users)


def sum_groups(cells: Cells, amounts: Integers) -> Integers:
    """Sum `amounts` (one per event of the report) by group, in 64-bit integers."""
    sums = np.zeros(cells.count, dtype=amounts.dtype)
    np.add.at(sums, cells.groups, amounts)
    return sums


def _count(calculation: Callable[[EventMetrics], Integers]) -> Callable[[EventMetrics], MetricValues]:
    return lambda events: MetricValues(calculation(events))


def _currency(calculation: Callable[[EventMetrics], Integers]) -> Callable[[EventMetrics], MetricValues]:
    return lambda events: MetricValues(calculation(events), in_millionths=True)


def _ratio(
    numerator: Callable[[EventMetrics], NDArray[np.float64] | Integers],
    denominator: Callable[[EventMetrics], Integers],
) -> Callable[[EventMetrics], MetricValues]:
    def divide(events: EventMetrics) -> MetricValues:
        above, below = numerator(events), denominator(events)
        return MetricValues(np.divide(above, below, out=np.zeros(len(below)), where=below != 0))

    return divide


def _engaged_sessions(events: EventMetrics) -> Integers:
    return events.sessions(events.flagged("session_engaged"))


def _views(events: EventMetrics) -> Integers:
    return events.events(events.named(*_VIEWS))


def _net_purchases(events: EventMetrics) -> Integers:
    return events.money("purchase_revenue") - events.money("refund_value")


def _seconds(events: EventMetrics) -> Integers:
    return events.summed(events.table.number("engagement_time_msec")) // 1000


def _items(event_name: str) -> Callable[[EventMetrics], MetricValues]:
    return _count(lambda events: events.summed(events.table.number("item_quantity"), events.named(event_name)))


_CALCULATIONS: Final[dict[str, Callable[[EventMetrics], MetricValues]]] = {
    "sessions": _count(EventMetrics.sessions),
    "engagedSessions": _count(_engaged_sessions),
    "newUsers": _count(lambda events: events.users(events.named(*_FIRST_VISITS))),
    "totalUsers": _count(EventMetrics.users),
    "activeUsers": _count(lambda events: events.users(events.flagged("is_active_user"))),
    "totalPurchasers": _count(lambda events: events.users(events.named("purchase"))),
    "screenPageViews": _count(_views),
    "eventCount": _count(EventMetrics.events),
    "keyEvents": _count(lambda events: events.events(events.key_events())),
    "transactions": _count(EventMetrics.transactions),
    "ecommercePurchases": _count(lambda events: events.events(events.named("purchase"))),
    "addToCarts": _count(lambda events: events.events(events.named("add_to_cart"))),
    "checkouts": _count(lambda events: events.events(events.named("begin_checkout"))),
    "purchaseRevenue": _currency(_net_purchases),
    "grossPurchaseRevenue": _currency(lambda events: events.money("purchase_revenue")),
    "refundAmount": _currency(lambda events: events.money("refund_value")),
    "totalAdRevenue": _currency(lambda events: events.money("ad_revenue")),
    "totalRevenue": _currency(lambda events: _net_purchases(events) + events.money("ad_revenue")),
    "userEngagementDuration": _count(_seconds),
    "averageSessionDuration": _ratio(EventMetrics.session_seconds, EventMetrics.sessions),
    "engagementRate": _ratio(_engaged_sessions, EventMetrics.sessions),
    "bounceRate": _ratio(lambda events: events.sessions() - _engaged_sessions(events), EventMetrics.sessions),
    "sessionKeyEventRate": _ratio(lambda events: events.sessions(events.key_events()), EventMetrics.sessions),
    "sessionsPerUser": _ratio(EventMetrics.sessions, lambda events: events.users(events.flagged("is_active_user"))),
    "screenPageViewsPerSession": _ratio(_views, EventMetrics.sessions),
    "eventsPerSession": _ratio(EventMetrics.events, EventMetrics.sessions),
    "averagePurchaseRevenue": _ratio(
        lambda events: events.money("purchase_revenue") / _MICROS, EventMetrics.transactions
    ),
    "itemsViewed": _items("view_item"),
    "itemsAddedToCart": _items("add_to_cart"),
    "itemsPurchased": _items("purchase"),
    "itemRevenue": _currency(lambda events: events.money("item_revenue")),
}
