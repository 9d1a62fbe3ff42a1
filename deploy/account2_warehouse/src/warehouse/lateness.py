"""How far days have come that should have been loaded by now, in words."""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum
from typing import Final

from dataflows.contracts.incidents import IncidentCause
from warehouse.runs import Run


class Lateness(StrEnum):
    """Where days are held up."""

    NOT_RUN = "not run"
    NOTHING_CAME = "nothing came"
    NOT_LOADED = "not loaded"

    def message(self, day: date) -> str:
        """Return what is told of days up to `day`."""
        return _MESSAGES[self].format(day=day)

    @property
    def cause(self) -> IncidentCause:
        """Why, as far as anybody can tell: what to do hangs on it (`causes.remedy_of`)."""
        return _CAUSES[self]


_MESSAGES: Final = {
    Lateness.NOT_RUN: "AppFlow has not run: of the days up to {day} no run has ended, and none has failed.",
    Lateness.NOTHING_CAME: "AppFlow has run, but nothing came: its rows up to {day} are not in the report's table.",
    Lateness.NOT_LOADED: "The rows up to {day} lie in the warehouse, but are not loaded yet: their unload is missing.",
}
_CAUSES: Final = {
    Lateness.NOT_RUN: IncidentCause.UNKNOWN,
    Lateness.NOTHING_CAME: IncidentCause.WAREHOUSE,
    Lateness.NOT_LOADED: IncidentCause.TRANSIENT,
}


def lateness_of(reading: Iterable[Run], *, is_refreshed: bool) -> Lateness:
    """Return where a day is held up: `reading` are the runs under way that read it."""
    if is_refreshed:
        return Lateness.NOT_LOADED
    return Lateness.NOTHING_CAME if any(run.is_landed for run in reading) else Lateness.NOT_RUN
