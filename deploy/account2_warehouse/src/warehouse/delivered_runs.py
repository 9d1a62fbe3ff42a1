"""Runs whose rows lie in landing tables and were not consumed yet, by landing table."""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby, pairwise

from dataflows.contracts import naming
from dataflows.contracts.reports import REPORTS, Column, ReportTable
from warehouse.runs import Run, RunKind, Runs, RunState
from warehouse.statements import Warehouse, literal


@dataclass(frozen=True)
class LandedReport:
    """The landing table of one report of one property, and every run whose rows lie in it.

    `dimensions` and `metrics` are the columns the landing table has: of a custom report, the slots in use.
    """

    property_id: str
    report: str
    dimensions: tuple[Column, ...]
    metrics: tuple[Column, ...]
    runs: tuple[Run, ...]

    @property
    def landing_table(self) -> str:
        """The landing table, as SQL names it."""
        return f"{naming.LANDING_SCHEMA}.{naming.landing_table(self.property_id, self.report)}"

    @property
    def rows_delivered(self) -> int:
        """How many rows the landing table must hold."""
        return sum(run.rows_delivered or 0 for run in self.runs)

    @property
    def is_running(self) -> bool:
        """Whether rows may still be on their way."""
        return any(run.status is RunState.STARTED for run in self.runs)

    @property
    def ambiguity(self) -> str | None:
        """Say why nobody can tell what the landing table holds, if so."""
        windows = sorted((run.window for run in self.runs), key=lambda window: window.start_date)
        if any(later.start_date <= earlier.end_date for earlier, later in pairwise(windows)):
            return "several runs of overlapping dates were delivered before any was refreshed"
        # What fails twice is the records' own fault, unless nothing else comes either.
        if self._rows_failed and not (self.rows_delivered and self._was_made_as(RunKind.REREAD)):
            return f"AppFlow could not deliver {self._rows_failed} of its records"
        return None

    @property
    def next_reading(self) -> RunKind | None:
        """As what its dates are to be read again if it can't be consumed; None: that was done, and did not help."""
        if self._rows_failed:
            return None if self._was_made_as(RunKind.REREAD) else RunKind.REREAD
        return None if self._was_made_as(RunKind.REPAIR, RunKind.REREAD) else RunKind.REPAIR

    @property
    def _rows_failed(self) -> int:
        return sum(run.rows_failed or 0 for run in self.runs)

    def _was_made_as(self, *kinds: RunKind) -> bool:
        return all(run.kind in kinds for run in self.runs)

    def ended_before(self, moment: datetime) -> bool:
        """Tell whether all its runs had ended at an aware moment."""
        return all(run.ended_at is not None and run.ended_at < moment for run in self.runs)


def read_landed(warehouse: Warehouse, table: ReportTable) -> list[LandedReport]:
    """Return what waits to be consumed for one report table, in order of property and report.

    Raises TransientError or TerminalError.
    """
    unconsumed = Runs(warehouse).find(consumed_at=None, status=(RunState.STARTED, RunState.SUCCEEDED))
    runs = sorted((run for run in unconsumed if _is_of(run, table)), key=_property_and_report)
    grouped = [tuple(group) for _, group in groupby(runs, key=_property_and_report)]
    slots = _custom_slots(warehouse, grouped) if table.is_custom else {}
    return [_landed(table, group, slots) for group in grouped]


def _is_of(run: Run, table: ReportTable) -> bool:
    return run.report not in REPORTS if table.is_custom else run.report == table.name


def _property_and_report(run: Run) -> tuple[str, str]:
    return run.property_id, run.report


def _landed(table: ReportTable, runs: tuple[Run, ...], slots: dict[str, set[str]]) -> LandedReport:
    first = runs[0]
    present = slots.get(naming.landing_table(first.property_id, first.report))
    return LandedReport(
        first.property_id, first.report, _present(table.dimensions, present), _present(table.metrics, present), runs
    )


def _present(columns: Sequence[Column], present: set[str] | None) -> tuple[Column, ...]:
    return tuple(column for column in columns if present is None or column.name in present)


def _custom_slots(warehouse: Warehouse, groups: Iterable[tuple[Run, ...]]) -> dict[str, set[str]]:
    """Return the columns of custom reports' landing tables: a report may have left its data flow since."""
    names = [naming.landing_table(runs[0].property_id, runs[0].report) for runs in groups]
    slots: dict[str, set[str]] = {name: set() for name in names}
    if names:
        rows = warehouse.query(
            f"SELECT table_name, column_name FROM svv_columns WHERE table_schema = {literal(naming.LANDING_SCHEMA)} "
            f"AND table_name IN ({', '.join(map(literal, names))})"
        )
        for row in rows:
            slots[row["table_name"]].add(row["column_name"])
    return slots
