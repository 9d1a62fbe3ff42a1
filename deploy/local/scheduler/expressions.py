"""Schedule expressions of AWS: when something is due between two moments.

EventBridge Scheduler writes `rate(15 minutes)`, AppFlow `rate(15minutes)`; both write `cron(…)` with six fields.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol
from zoneinfo import ZoneInfo

from aws_croniter import AwsCroniter  # type: ignore[import-untyped]
from aws_croniter.exceptions import AwsCroniterExpressionError  # type: ignore[import-untyped]

_UNITS: Final = {"minute": timedelta(minutes=1), "hour": timedelta(hours=1), "day": timedelta(days=1)}
_LONGEST_INTERVAL: Final = timedelta(days=36_500)  # keeps sums of dates within what dates can be
_CRON: Final = re.compile(r"cron\((.+)\)")
_AT: Final = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_SPACED_RATE: Final = re.compile(r"rate\((\d{1,9}) (minute|hour|day)(s?)\)")
_UNSPACED_RATE: Final = re.compile(r"rate\((\d{1,9})(minute|hour|day)s\)")


class InvalidExpressionError(ValueError):
    """An expression that names no moment; the message says what is wrong with it."""


class Recurrence(Protocol):
    """Something that is due at certain moments."""

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the moments (UTC, in order) later than `after` and not later than `until`."""
        ...


@dataclass(frozen=True)
class Rate:
    """Due at `first_at` and every `interval` from then on; a day is 24 hours in every time zone."""

    interval: timedelta
    first_at: datetime

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the due moments; see `Recurrence`."""
        skipped = max((after - self.first_at) // self.interval + 1, 0)
        at = self.first_at + skipped * self.interval
        while at <= until:
            yield at
            at += self.interval


@dataclass(frozen=True)
class Once:
    """Due at one moment."""

    at: datetime

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the moment if it lies there; see `Recurrence`."""
        if after < self.at <= until:
            yield self.at


@dataclass(frozen=True)
class Cron:
    """Due when the clocks of a time zone show certain times.

    A time that a change to summer time skips is skipped; one that the change back repeats counts once
    (https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html).
    """

    expression: AwsCroniter
    zone: ZoneInfo

    def between(self, after: datetime, until: datetime) -> Iterator[datetime]:
        """Yield the due moments; see `Recurrence`."""
        wall_time = _wall_time(after, self.zone)
        last_wall_time = _wall_time(until, self.zone)
        while (wall_time := self.expression.get_next(wall_time)[0]) and wall_time <= last_wall_time:
            at = _moment(wall_time, self.zone)
            if at is not None and after < at <= until:
                yield at


def parse_cron(text: str, zone: ZoneInfo) -> Cron:
    """Return the recurrence of `cron(minutes hours day-of-month month day-of-week year)`.

    Raises InvalidExpressionError.
    """
    match = _CRON.fullmatch(text)
    if match is None:
        raise InvalidExpressionError(f"{text!r} is not cron(…).")
    try:
        return Cron(AwsCroniter(match[1]), zone)
    except (AwsCroniterExpressionError, ValueError) as error:
        raise InvalidExpressionError(f"{text!r} is no valid cron expression: {error}") from error


def parse_at(text: str, zone: ZoneInfo) -> Once:
    """Return the one moment of `at(yyyy-mm-ddThh:mm:ss)`. Raises InvalidExpressionError."""
    match = _AT.fullmatch(text)
    try:
        wall_time = datetime.fromisoformat(match[1]).replace(tzinfo=UTC) if match else None
    except ValueError as error:
        raise InvalidExpressionError(f"{text!r} names no date and time: {error}.") from error
    at = _moment(wall_time, zone) if wall_time else None
    if at is None:
        raise InvalidExpressionError(f"{text!r} is not at(yyyy-mm-ddThh:mm:ss) with a time that {zone.key} has.")
    return Once(at)


def parse_spaced_rate(text: str) -> timedelta:
    """Return the interval of `rate(1 day)` or `rate(5 days)`. Raises InvalidExpressionError."""
    match = _SPACED_RATE.fullmatch(text)
    if match is None or (match[1] == "1") == bool(match[3]):
        raise InvalidExpressionError(f"{text!r} is not like rate(1 day) or rate(15 minutes).")
    return _interval(text, match)


def parse_unspaced_rate(text: str) -> timedelta:
    """Return the interval of AppFlow's `rate(1days)`: no space, always plural. Raises InvalidExpressionError."""
    match = _UNSPACED_RATE.fullmatch(text)
    if match is None:
        raise InvalidExpressionError(f"{text!r} is not like rate(1days) or rate(15minutes).")
    return _interval(text, match)


def _interval(text: str, match: re.Match[str]) -> timedelta:
    interval = int(match[1]) * _UNITS[match[2]]
    if not timedelta() < interval <= _LONGEST_INTERVAL:
        raise InvalidExpressionError(f"{text!r} must be positive and at most {_LONGEST_INTERVAL.days} days.")
    return interval


def _wall_time(at: datetime, zone: ZoneInfo) -> datetime:
    """Return what the zone's clocks show, in the disguise of UTC that the cron library asks for."""
    return at.astimezone(zone).replace(tzinfo=UTC, fold=0)


def _moment(wall_time: datetime, zone: ZoneInfo) -> datetime | None:
    """Return when the zone's clocks (first) show a time, or None if they never do."""
    at = wall_time.replace(tzinfo=zone).astimezone(UTC)
    return at if _wall_time(at, zone) == wall_time else None
