"""Dimensions that are computed from `date`, GA4's YYYYMMDD text."""

from collections.abc import Callable
from datetime import date, datetime
from typing import Final


def parse_date(text: str) -> date:
    """Return the date written as YYYYMMDD."""
    return datetime.strptime(text, "%Y%m%d").date()  # noqa: DTZ007 - a calendar date of the property


DATE_PARTS: Final[dict[str, Callable[[date], str]]] = {
    "year": lambda day: f"{day.year:04}",
    "month": lambda day: f"{day.month:02}",
    "yearMonth": lambda day: f"{day:%Y%m}",
    "day": lambda day: f"{day.day:02}",
    "dayOfWeek": lambda day: str(day.isoweekday() % 7),  # Google counts from Sunday = 0
    "dayOfWeekName": lambda day: f"{day:%A}",
    "isoYear": lambda day: f"{day.isocalendar().year:04}",
    "isoWeek": lambda day: f"{day.isocalendar().week:02}",
    "isoYearIsoWeek": lambda day: f"{day.isocalendar().year:04}{day.isocalendar().week:02}",
}


def date_part(api_name: str) -> Callable[[str], str]:
    """Return the function from YYYYMMDD to the value of the dimension `api_name`."""
    part = DATE_PARTS[api_name]
    return lambda text: part(parse_date(text))
