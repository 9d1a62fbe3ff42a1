"""Draws the demo's users and sessions, day by day; each day has its own seed, so a day never depends on others."""

from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from deploy.local.ga4.coded import Booleans, Integers
from deploy.local.ga4.demo_values import DEVICES, PLACES, TRAFFIC, WEEK

_OFFSET: Final = 100_000  # seeds are not negative, day offsets may be
_MEMORY_DAYS: Final = 40  # a returning visitor's first visit is at most this long ago
_RETURNING_SHARE: Final = 0.6
_DAILY_GROWTH: Final = 0.003
_DIRECT: Final = next(code for code, row in enumerate(TRAFFIC) if row[0] == "Direct")


@dataclass(frozen=True)
class Users:
    """Everybody whose first visit was on one day; codes are places in the demo's lists."""

    traffic: Integers
    place: Integers
    device: Integers


@dataclass(frozen=True)
class Sessions:
    """Sessions, one element each; `start` is in seconds after midnight, local time, of `day`."""

    day: Integers
    start: Integers
    user: Integers
    number: Integers
    traffic: Integers
    first_traffic: Integers
    place: Integers
    device: Integers
    page_count: Integers
    is_engaged: Booleans
    is_reattributed: Booleans
    is_spam: Booleans

    def __len__(self) -> int:
        return len(self.day)


def weighted_codes(rng: np.random.Generator, rows: tuple[Any, ...], count: int) -> Integers:
    """Draw `count` places in a list whose rows end with a weight."""
    weights = np.array([row[-1] for row in rows], dtype=np.float64)
    return rng.choice(len(rows), size=count, p=weights / weights.sum()).astype(np.int64)


def draw_sessions(seed: int, first_day: int, days: int, sessions_per_day: float) -> Sessions:
    """Draw the sessions that start on the days `first_day` to `first_day + days - 1` after the anchor."""
    new_per_day = sessions_per_day / (1 + _RETURNING_SHARE)
    newcomers = {day: _draw_users(seed, day, new_per_day) for day in range(first_day - _MEMORY_DAYS, first_day + days)}
    parts = [_draw_day(seed, day, newcomers) for day in range(first_day, first_day + days)]
    joined = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(Sessions)}
    return Sessions(**joined)


def _draw_users(seed: int, day: int, per_day: float) -> Users:
    rng = np.random.default_rng([seed, day + _OFFSET, 1])
    growth = max(1 + _DAILY_GROWTH * day, 0.3)
    count = max(int(per_day * growth * WEEK[day % len(WEEK)] * rng.normal(1, 0.04)), 1)
    return Users(
        weighted_codes(rng, TRAFFIC, count),
        weighted_codes(rng, PLACES, count),
        weighted_codes(rng, DEVICES, count),
    )


def _draw_day(seed: int, day: int, newcomers: dict[int, Users]) -> Sessions:
    rng = np.random.default_rng([seed, day + _OFFSET, 2])
    first_days, places = _visitors(rng, day, newcomers)
    count = len(first_days)
    is_new = first_days == day
    first_traffic = _of_users("traffic", newcomers, first_days, places)
    came_back_by = np.where(rng.random(count) < 0.5, _DIRECT, weighted_codes(rng, TRAFFIC, count))
    page_count = np.minimum(rng.geometric(0.4, count), 12).astype(np.int64)
    return Sessions(
        day=np.full(count, day, dtype=np.int64),
        start=_starts(rng, count),
        user=(first_days + _OFFSET) * 1_000_000 + places,
        number=np.where(is_new, 1, 2 + rng.integers(0, 4, count)),
        traffic=np.where(is_new, first_traffic, came_back_by),
        first_traffic=first_traffic,
        place=_of_users("place", newcomers, first_days, places),
        device=_of_users("device", newcomers, first_days, places),
        page_count=page_count,
        is_engaged=(page_count >= 2) | (rng.random(count) < 0.3),
        is_reattributed=rng.random(count) < 0.06,
        is_spam=rng.random(count) < 0.01,
    )


def _visitors(rng: np.random.Generator, day: int, newcomers: dict[int, Users]) -> tuple[Integers, Integers]:
    """Return each visitor's first day and place among that day's newcomers: the new ones, then the returning."""
    new = len(newcomers[day].place)
    returning = int(new * _RETURNING_SHARE)
    back_days = day - np.minimum(rng.geometric(0.12, returning), _MEMORY_DAYS)
    sizes = np.array([len(newcomers[one].place) for one in back_days], dtype=np.int64)
    back_places = (rng.random(returning) * sizes).astype(np.int64)
    first_days = np.concatenate((np.full(new, day), back_days))
    return first_days.astype(np.int64), np.concatenate((np.arange(new), back_places))


def _of_users(name: str, newcomers: dict[int, Users], first_days: Integers, places: Integers) -> Integers:
    values = np.zeros(len(first_days), dtype=np.int64)
    for day in np.unique(first_days):
        chosen = first_days == day
        values[chosen] = getattr(newcomers[int(day)], name)[places[chosen]]
    return values


def _starts(rng: np.random.Generator, count: int) -> Integers:
    is_evening = rng.random(count) < 0.4
    hours: NDArray[np.float64] = np.where(is_evening, rng.normal(21, 2, count), rng.normal(13, 3.5, count))
    return (hours * 3600).astype(np.int64) % 86_400
