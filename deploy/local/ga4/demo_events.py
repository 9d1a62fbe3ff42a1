"""Draws what happens in the demo's sessions: page views, engagement, purchases, refunds."""

from dataclasses import dataclass, fields
from typing import Final

import numpy as np

from deploy.local.ga4.coded import Booleans, Integers
from deploy.local.ga4.demo_sessions import Sessions, weighted_codes
from deploy.local.ga4.demo_values import ALL_PAGES, EVENT_NAMES, ITEMS, PAGES

_SECOND: Final = 1_000_000
_NO_ITEM: Final = -1
_PRICES: Final = np.array([price for _, price in ITEMS])
_CENT: Final = 10_000  # in millionths


@dataclass(frozen=True)
class Events:
    """Events, one element each; `after` is microseconds after the session's start, amounts are millionths.

    `item` is -1 and amounts are 0 where they do not apply.
    """

    session: Integers
    name: Integers
    page: Integers
    after: Integers
    engagement_seconds: Integers
    item: Integers
    quantity: Integers
    item_revenue: Integers
    purchase_revenue: Integers
    refund_value: Integers
    ad_revenue: Integers

    def __len__(self) -> int:
        return len(self.session)


@dataclass(frozen=True)
class Views:
    """Page views: the session, its page, when it begins and how long it is looked at (seconds)."""

    session: Integers
    page: Integers
    after: Integers
    seconds: Integers

    def take(self, chosen: Booleans) -> "Views":
        """Return some of the views."""
        return Views(self.session[chosen], self.page[chosen], self.after[chosen], self.seconds[chosen])

    def __len__(self) -> int:
        return len(self.session)


def draw_events(rng: np.random.Generator, sessions: Sessions, price_factor: float) -> tuple[Events, Integers]:
    """Draw the events of one day's sessions, and the landing page of each session.

    Prices are multiplied by `price_factor`, the worth of a dollar in the property's currency.
    """
    views = _draw_views(rng, sessions)
    landings = np.flatnonzero(views.after == 0)
    parts = [
        *_visit_events(rng, sessions, views, landings),
        *_shop_events(rng, views, price_factor),
        _ad_impressions(rng, views, price_factor),
    ]
    joined = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Events)}
    return Events(**joined), views.page[landings]


def _draw_views(rng: np.random.Generator, sessions: Sessions) -> Views:
    session = np.repeat(np.arange(len(sessions)), sessions.page_count)
    seconds = np.minimum(5 + rng.exponential(40, len(session)), 600).astype(np.int64)
    before = np.cumsum(seconds) - seconds
    first = np.cumsum(sessions.page_count) - sessions.page_count
    after = before - np.repeat(before[first], sessions.page_count)
    return Views(session, weighted_codes(rng, ALL_PAGES, len(session)), after * _SECOND, seconds)


def _visit_events(rng: np.random.Generator, sessions: Sessions, views: Views, landings: Integers) -> list[Events]:
    is_landing = np.zeros(len(views), dtype=np.bool_)
    is_landing[landings] = True
    is_new = (sessions.number == 1)[views.session]
    engaged = views.take(sessions.is_engaged[views.session])
    return [
        _events("session_start", views.take(is_landing)),
        _events("first_visit", views.take(is_landing & is_new)),
        _events("page_view", views),
        _events("scroll", views.take(rng.random(len(views)) < 0.35), delay_seconds=3),
        _events("generate_lead", views.take(is_landing & (rng.random(len(views)) < 0.02)), delay_seconds=4),
        _events("user_engagement", engaged, delay_seconds=4, engagement_seconds=engaged.seconds - 1),
    ]


def _shop_events(rng: np.random.Generator, views: Views, price_factor: float) -> list[Events]:
    seen = views.take(views.page >= len(PAGES))
    carts = seen.take(rng.random(len(seen)) < 0.35)
    checkouts = carts.take(rng.random(len(carts)) < 0.6)
    bought = checkouts.take(rng.random(len(checkouts)) < 0.7)
    quantity = rng.integers(1, 4, len(bought))
    prices = np.rint(_PRICES * price_factor * 100).astype(np.int64) * _CENT
    revenue = prices[bought.page - len(PAGES)] * quantity
    is_refunded = rng.random(len(bought)) < 0.06
    return [
        _item_events("view_item", seen, 1),
        _item_events("add_to_cart", carts, 2),
        _item_events("begin_checkout", checkouts, 3),
        _item_events("purchase", bought, 4, quantity=quantity, item_revenue=revenue, purchase_revenue=revenue),
        _item_events(
            "refund", bought.take(is_refunded), 5, quantity=quantity[is_refunded], refund_value=revenue[is_refunded]
        ),
    ]


def _ad_impressions(rng: np.random.Generator, views: Views, price_factor: float) -> Events:
    shown = views.take(rng.random(len(views)) < 0.02)
    revenue = (rng.integers(1, 60, len(shown)) * price_factor * 100).astype(np.int64)
    return _events("ad_impression", shown, delay_seconds=2, ad_revenue=revenue)


def _item_events(name: str, views: Views, delay_seconds: int, **columns: Integers) -> Events:
    ones = np.ones(len(views), dtype=np.int64)
    return _events(name, views, delay_seconds, **{"item": views.page - len(PAGES), "quantity": ones, **columns})


def _events(name: str, views: Views, delay_seconds: int = 0, **columns: Integers) -> Events:
    nothing = np.zeros(len(views), dtype=np.int64)
    rest = {one.name: nothing for one in fields(Events)}
    known = {
        "session": views.session,
        "name": nothing + EVENT_NAMES.index(name),
        "page": views.page,
        "after": views.after + delay_seconds * _SECOND,
        "item": nothing + _NO_ITEM,
    }
    return Events(**{**rest, **known, **columns})
