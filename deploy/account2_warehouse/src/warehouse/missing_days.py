"""Finds the days that nobody read, and those that were read but not loaded in time, in the ledger of partitions."""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import Final

from aws_lambda_powertools import Logger

from dataflows.contracts.incidents import IncidentKind
from dataflows.contracts.plan import LATE_AFTER, DateWindow, PlannedFlow, daily_window, next_run_at
from dataflows.contracts.tables import PARTITIONS
from warehouse.days import left_of
from warehouse.errors import try_each
from warehouse.incidents import UNRESOLVED, Incidents
from warehouse.lateness import lateness_of
from warehouse.new_runs import gap_runs
from warehouse.registry import Registration, Registry
from warehouse.remediation import Remediation
from warehouse.runs import Run
from warehouse.statements import literal

logger = Logger(child=True)

_LONGEST_DETOUR: Final = timedelta(hours=6)  # what a run of its own may take on top
_A_DAY: Final = timedelta(days=1)
_PROPERTIES_A_QUERY: Final = 100  # of less than 500 bytes each


@dataclass(frozen=True)
class _Expected:
    """What must be there of a report by now, and what is; `loaded_through` is the last day that was handed on."""

    registration: Registration
    flow: PlannedFlow
    due_at: datetime
    window: DateWindow
    days: int
    loaded_through: date | None

    @property
    def has_gaps(self) -> bool:
        return self.days < (self.window.end_date - self.window.start_date).days + 1

    @property
    def last_day(self) -> DateWindow:
        return _one_day(self.window.end_date)

    @property
    def is_late(self) -> bool:
        return self.loaded_through is None or self.loaded_through < self.window.end_date


@dataclass(frozen=True)
class MissingDays:
    """Compares what the data flows in force must have with what the warehouse has."""

    registry: Registry
    incidents: Incidents
    remediation: Remediation

    def look(self, at: datetime) -> None:
        """Have days read that no run covers, and note reports that are late. Raises TransientError at the end.

        What there is no time for is left to the next sweep.
        """
        for wanting in self._wanting(at, LATE_AFTER):
            try_each(self._not_told(wanting), partial(self._look_at, at=at), self.remediation.deadline.is_near)

    def catch_up(self, at: datetime) -> None:
        """After an outage: have days read whose runs nobody heard of, also those that a flow's next run would read.

        Until then they would be late, and that was told: of the outage. Raises TransientError at the end.
        """
        for wanting in self._wanting(at, timedelta(0)):
            gaps = [item for item in wanting if item.has_gaps]
            try_each(gaps, partial(self._catch_up, at=at), self.remediation.deadline.is_near)

    def _wanting(self, at: datetime, after: timedelta) -> Iterator[list[_Expected]]:
        """Yield, some at a time, the reports that lack something of a run that was due so long ago."""
        due = [(item, due_at) for item in self.registry.all_in_force() if (due_at := _due_before(item, at - after))]
        for first in range(0, len(due), _PROPERTIES_A_QUERY):
            expected = self._expected(due[first : first + _PROPERTIES_A_QUERY], at)
            yield [item for item in expected if item.has_gaps or item.is_late]

    def _expected(self, due: Sequence[tuple[Registration, datetime]], at: datetime) -> Iterator[_Expected]:
        windows = [DateWindow(item.event.start_date, _last_day(item, due_at)) for item, due_at in due]
        queries = (_counts_query(item, window, at) for (item, _), window in zip(due, windows, strict=True))
        rows = self.incidents.warehouse.query(" UNION ALL ".join(queries))
        found = {(row["property_id"], row["report_id"]): row for row in rows}
        for (item, due_at), window in zip(due, windows, strict=True):
            for flow in item.plan.flows:
                row = found.get((item.plan.property_id, flow.report), {"days": 0, "loaded_through": None})
                through = row["loaded_through"] and date.fromisoformat(row["loaded_through"])
                yield _Expected(item, flow, due_at, window, int(row["days"]), through)

    def _look_at(self, expected: _Expected, at: datetime) -> None:
        event, report = expected.registration.event, expected.flow.report
        under_way = self.incidents.runs.under_way(event.property.property_id, report)
        missing = self._gaps(expected) if expected.has_gaps else []
        reading = [run for run in under_way if not expected.last_day.without(run.window)]
        if gaps := left_of(missing, (run.window for run in under_way)):
            self._read(expected, gaps)
        elif expected.is_late and not _is_on_its_way(expected, reading, at):
            is_refreshed = left_of([expected.last_day], missing) != []
            self._note_late(expected, reading, at, is_refreshed=is_refreshed)

    def _catch_up(self, expected: _Expected, at: datetime) -> None:
        runs = self.incidents.runs.under_way(expected.registration.event.property.property_id, expected.flow.report)
        reading = (run.window for run in runs if not run.is_scheduled or run.due_at is None or run.due_at <= at)
        if gaps := left_of(self._gaps(expected), reading):
            self._read(expected, gaps)

    def _not_told(self, wanting: Sequence[_Expected]) -> list[_Expected]:
        """Return those whose report has no incident, which is what becomes of its days otherwise.

        Differing counts are of days that were read: they do not stand in the way.
        """
        unresolved = self.incidents.find(state=UNRESOLVED) if wanting else []
        of_runs = (incident for incident in unresolved if incident.kind is not IncidentKind.COUNTS_DIFFER)
        told = {(incident.data_flow_id, incident.report) for incident in of_runs}
        return [item for item in wanting if (str(item.registration.event.data_flow_id), item.flow.report) not in told]

    def _gaps(self, expected: _Expected) -> list[DateWindow]:
        event, window = expected.registration.event, expected.window
        rows = self.incidents.warehouse.query(
            f"SELECT date FROM {PARTITIONS.qualified_name} WHERE property_id = {literal(event.property.property_id)} "
            f"AND report_id = {literal(expected.flow.report)} AND {_between(window)}"
        )
        return left_of([window], (_one_day(date.fromisoformat(row["date"])) for row in rows))

    def _read(self, expected: _Expected, gaps: Sequence[DateWindow]) -> None:
        event = expected.registration.event
        runs = [run for window in gaps for run in gap_runs(event, expected.flow, window)]
        self.incidents.runs.add(runs)
        for run in runs:
            days = {"start_date": str(run.start_date), "end_date": str(run.end_date)}
            logger.warning("days that nobody read are read", extra={**run.log_keys, **days})

    def _note_late(self, expected: _Expected, reading: Sequence[Run], at: datetime, *, is_refreshed: bool) -> None:
        through, last_day = expected.loaded_through, expected.window.end_date
        first_day = max(through + _A_DAY, last_day - timedelta(30)) if through else last_day
        days = DateWindow(first_day, last_day)
        (run, *_) = [*reading, *gap_runs(expected.registration.event, expected.flow, days)]
        lateness = lateness_of(reading, is_refreshed=is_refreshed)
        self.remediation.late(expected.registration, run, days, lateness, at)


def _due_before(registration: Registration, latest: datetime) -> datetime | None:
    """Return when the last run was due that was due by `latest`; None if it was not in force by then."""
    event = registration.event
    due_at = next_run_at(event.property.time_zone, event.refresh_hour_local, latest - _A_DAY)
    began_at = registration.updated_at
    is_started = event.start_date <= _last_day(registration, due_at)
    return due_at if began_at and began_at < due_at <= latest and is_started else None


def _last_day(registration: Registration, due_at: datetime) -> date:
    event = registration.event
    return daily_window(event.property.time_zone, event.lookback_days, due_at).end_date


def _is_on_its_way(expected: _Expected, reading: Iterable[Run], at: datetime) -> bool:
    """Whether a run of its own reads the day, and has not had its time yet."""
    is_read = any(not (run.is_scheduled or run.is_landed) for run in reading)
    return is_read and at < expected.due_at + LATE_AFTER + _LONGEST_DETOUR


def _counts_query(registration: Registration, window: DateWindow, at: datetime) -> str:
    # Days that are read again wait for their unload once more, and have as long for it.
    is_on = f"unloaded_at IS NOT NULL OR refreshed_at > {literal(at - LATE_AFTER)}"
    return (
        "SELECT property_id, report_id, COUNT(*) AS days, "
        f"MAX(CASE WHEN {is_on} THEN date END) AS loaded_through "
        f"FROM {PARTITIONS.qualified_name} WHERE property_id = {literal(registration.plan.property_id)} "
        f"AND {_between(window)} GROUP BY property_id, report_id"
    )


def _between(window: DateWindow) -> str:
    return f"date BETWEEN {literal(window.start_date)} AND {literal(window.end_date)}"


def _one_day(day: date) -> DateWindow:
    return DateWindow(day, day)
