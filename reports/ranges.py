"""The date ranges of report pages: presets and custom ones, and the range each is compared with."""

from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from dataflows.contracts.events import today_in
from dataflows.contracts.values import EARLIEST_START_DATE, TOO_EARLY

PRESETS: Final = {"7d": 7, "28d": 28, "90d": 90}
DEFAULT_PRESET: Final = "28d"
MAX_DAYS: Final = 1_100


class RangeError(ValueError):
    """Dates in the address that make no range; the message says what to do."""


@dataclass(frozen=True)
class DateRange:
    """Property-local dates, both included; `preset` names it when it is a preset."""

    start_date: date
    end_date: date
    preset: str = ""

    @property
    def days(self) -> int:
        """How many days the range has."""
        return (self.end_date - self.start_date).days + 1

    @property
    def dates(self) -> list[date]:
        """Every date of the range, in order."""
        return [self.start_date + timedelta(number) for number in range(self.days)]

    @property
    def previous(self) -> "DateRange":
        """The range of the same length right before."""
        length = timedelta(self.days)
        return DateRange(self.start_date - length, self.end_date - length)


def last_day(time_zone: str, at: datetime, through: date | None) -> date:
    """Return the last day that can have numbers: yesterday, or the day before until the night's run is loaded.

    `through` is the last loaded date. One that lies further back is not waited for: the gap is to be seen.
    """
    yesterday = today_in(time_zone, at) - timedelta(1)
    return yesterday - timedelta(1) if through == yesterday - timedelta(1) else yesterday


def preset_range(preset: str, last: date) -> DateRange:
    """Return the days of a preset up to the day `last`.

    Raises RangeError for a preset that does not exist.
    """
    if preset not in PRESETS:
        raise RangeError(f"There is no range {preset[:20]!r}: choose one below.")
    return DateRange(last - timedelta(PRESETS[preset] - 1), last, preset)


def custom_range(start: str, end: str, last: date) -> DateRange:
    """Return the range between two ISO dates, named as the preset it happens to be up to the day `last`.

    Raises RangeError when they make none.
    """
    try:
        start_date, end_date = date.fromisoformat(start), date.fromisoformat(end)
    except ValueError as error:
        raise RangeError("Choose both dates, written year-month-day.") from error
    if end_date < start_date:
        raise RangeError("The last day lies before the first.")
    if start_date < EARLIEST_START_DATE:
        raise RangeError(TOO_EARLY)
    if (end_date - start_date).days >= MAX_DAYS:
        raise RangeError(f"Choose at most {MAX_DAYS} days.")
    presets = (preset_range(preset, last) for preset in PRESETS)
    found = DateRange(start_date, end_date)
    return next((preset for preset in presets if replace(preset, preset="") == found), found)
