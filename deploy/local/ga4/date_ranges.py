"""Which days a request asks for, in the property's time zone."""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from deploy.local.ga4.errors import invalid_argument

_MAX_DATE_RANGES = 4
_DAYS_AGO = re.compile(r"(\d{1,5})daysAgo")
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")


@dataclass(frozen=True)
class DateRange:
    """Days `start_date` to `end_date`, both included."""

    name: str
    start_date: date
    end_date: date

    def contains(self, ga4_date: str) -> bool:
        """Say whether a day, written YYYYMMDD, is in the range."""
        return f"{self.start_date:%Y%m%d}" <= ga4_date <= f"{self.end_date:%Y%m%d}"


def resolve_date_ranges(requested: Any, now: datetime, time_zone: str) -> list[DateRange]:
    """Return the ranges of a request's `date_ranges`, relative dates resolved at `now`.

    Raises GoogleApiError (INVALID_ARGUMENT) for none, more than four, malformed or reversed ranges.
    """
    if not 1 <= len(requested) <= _MAX_DATE_RANGES:
        raise invalid_argument(f"Requests need 1 to {_MAX_DATE_RANGES} date ranges, this one has {len(requested)}.")
    today = now.astimezone(ZoneInfo(time_zone)).date()
    ranges = [
        DateRange(one.name or f"date_range_{number}", _day(one.start_date, today), _day(one.end_date, today))
        for number, one in enumerate(requested)
    ]
    for one in ranges:
        if one.start_date > one.end_date:
            raise invalid_argument(f"The startDate {one.start_date} is after the endDate {one.end_date}.")
    if len({one.name for one in ranges}) < len(ranges):
        raise invalid_argument("Two date ranges have the same name. Give each its own.")
    return ranges


def _day(text: str, today: date) -> date:
    if text in {"today", "yesterday"}:
        return today - timedelta(days=int(text == "yesterday"))
    if days_ago := _DAYS_AGO.fullmatch(text):
        return today - timedelta(days=int(days_ago[1]))
    try:
        if _ISO_DATE.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError as error:
        raise invalid_argument(f"Invalid date {text!r}: {error}.") from error
    raise invalid_argument(f"Invalid date {text[:40]!r}. Write YYYY-MM-DD, NdaysAgo, yesterday or today.")
