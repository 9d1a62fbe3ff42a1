"""The runs of AppFlow: what `ga4_ops.runs` says of each, from asked for to refreshed."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Final, Self

from dataflows.contracts import naming
from dataflows.contracts.events import Station
from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import INCIDENT_RUNS, RUN_TURNS, RUNS
from warehouse import ops
from warehouse.statements import Warehouse, literal

_ROWS_A_STATEMENT: Final = 40  # of less than 2,000 bytes each
_MAX_MESSAGE_BYTES: Final = 2000
_MAX_NAME_BYTES: Final = 150
_MOMENTS: Final = ("due_at", "prepared_at", "started_at", "ended_at", "consumed_at")


class RunKind(StrEnum):
    """Why a run is made: this alone decides what follows from it, never who asked for it."""

    SCHEDULED = "scheduled"
    BACKFILL = "backfill"
    REQUESTED = "requested"  # by a person
    REMEDY = "remedy"  # by itself, for days that a run failed at, or that none covered
    REPAIR = "repair"  # by a refresh: nobody could tell what had landed
    REREAD = "reread"  # by a refresh: records failed


class RunState(StrEnum):
    """How far a run has come. Rows of a succeeded one lie in the landing table until a refresh consumes them."""

    PENDING = "pending"
    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFRESHED = "refreshed"
    UNLOADED = "unloaded"


@dataclass(frozen=True)
class Run:
    """One run of one report over a window of property-local dates, both included."""

    run_id: str
    correlation_id: str
    data_flow_id: str
    property_id: str
    report: str
    appflow_flow_name: str | None  # an OnDemand run's is made when it is started
    kind: RunKind
    start_date: date
    end_date: date
    requested_by: str | None  # a name to be shown; None: nobody asked
    status: RunState = RunState.PENDING
    execution_id: str | None = None
    due_at: datetime | None = None
    prepared_at: datetime | None = None  # when its flow was changed to its window; None: it was made with it
    started_at: datetime | None = None
    ended_at: datetime | None = None
    consumed_at: datetime | None = None
    rows_delivered: int | None = None
    rows_failed: int | None = None
    message: str | None = None

    @property
    def window(self) -> DateWindow:
        """The dates the run reads."""
        return DateWindow(self.start_date, self.end_date)

    @property
    def on_demand_flow_name(self) -> str:
        """The name of the short-lived flow that makes the run, if it is not a scheduled one."""
        return naming.appflow_run_flow_name(
            self.property_id, self.report, self.start_date, self.end_date, self.run_id[:8]
        )

    @property
    def is_under_way(self) -> bool:
        """Whether its rows are still to come, or to be loaded."""
        return self.status in (RunState.PENDING, RunState.STARTED) or self.is_landed

    @property
    def is_landed(self) -> bool:
        """Whether its rows lie in the landing table."""
        return self.status is RunState.SUCCEEDED and self.consumed_at is None

    @property
    def has_read(self) -> bool:
        """Whether its days are in the warehouse's combined tables."""
        return self.status is RunState.SUCCEEDED and self.consumed_at is not None

    @property
    def log_keys(self) -> dict[str, str | None]:
        """What a log line about the run carries."""
        names = ("run_id", "correlation_id", "data_flow_id", "appflow_flow_name", "execution_id")
        return {"station": Station.INGEST.value, **{name: getattr(self, name) for name in names}}

    @property
    def is_asked_for(self) -> bool:
        """Whether a person asked for it, on the data flow's page or by Retry."""
        return self.kind in (RunKind.BACKFILL, RunKind.REQUESTED)

    @property
    def is_rereading(self) -> bool:
        """Whether a refresh asked for it, since it could not take what the run before had brought."""
        return self.kind in (RunKind.REPAIR, RunKind.REREAD)

    @property
    def was_discarded(self) -> bool:
        """Whether rows came, and a refresh threw them away."""
        return self.status is RunState.FAILED and self.consumed_at is not None

    def was_prepared_by(self, moment: datetime) -> bool:
        """Whether the flow already read this run's window at an aware moment, by AppFlow's clock."""
        return self.prepared_at is None or self.prepared_at <= moment

    @property
    def is_scheduled(self) -> bool:
        """Whether AppFlow starts the run by itself."""
        return self.kind is RunKind.SCHEDULED

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Return the run of a row as the Data API gives it."""
        moments = {name: ops.moment(row[name]) for name in _MOMENTS}
        dates = {name: date.fromisoformat(row[name]) for name in ("start_date", "end_date")}
        return cls(**{**row, **moments, **dates, "kind": RunKind(row["kind"]), "status": RunState(row["status"])})


class Runs:
    """The table of runs."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def add(self, runs: Sequence[Run]) -> None:
        """Insert the runs that are not there yet, whatever has become of those that are."""
        for start in range(0, len(runs), _ROWS_A_STATEMENT):
            rows = [asdict(run) for run in runs[start : start + _ROWS_A_STATEMENT]]
            # One at a time: nothing in Redshift keeps keys apart, and two functions may note the same run at once.
            self._warehouse.execute_together([ops.lock(RUN_TURNS), ops.insert(RUNS, rows, ("run_id",))])

    def find(self, **where: ops.Condition) -> list[Run]:
        """Return the runs whose columns are so, the earliest due or dated first."""
        rows = self._warehouse.query(ops.select(RUNS, where, ("due_at", "start_date", "report", "run_id")))
        return [Run.from_row(row) for row in rows]

    def under_way(self, property_id: str, report: str) -> list[Run]:
        """Return the runs of a report whose rows are still to come, or to be loaded."""
        status = (RunState.PENDING, RunState.STARTED, RunState.SUCCEEDED)
        return self.find(property_id=property_id, report=report, status=status, consumed_at=None)

    def history(self, property_id: str, report: str, since: datetime) -> list[Run]:
        """Return the runs of a report that have not ended, or only after the aware moment `since`."""
        columns = ", ".join(name for name, _ in RUNS.columns)
        rows = self._warehouse.query(
            f"SELECT {columns} FROM {RUNS.qualified_name} WHERE property_id = {literal(property_id)} "  # noqa: S608
            f"AND report = {literal(report)} AND (ended_at IS NULL OR ended_at >= {literal(since)})"
        )
        return [Run.from_row(row) for row in rows]

    def attempt_of(self, run: Run) -> int:
        """Return which attempt a run is at days at which another failed, from 1 on; 0 if it is none."""
        rows = self._warehouse.query(ops.select(INCIDENT_RUNS, {"run_id": run.run_id}))
        return max((row["attempt"] for row in rows), default=0)

    def change(self, run: Run, expected: RunState | tuple[RunState, ...], **changes: ops.Value) -> bool:
        """Set columns of a run that still is `expected`, or one of these; return whether it was."""
        where: dict[str, ops.Condition] = {"run_id": run.run_id, "status": expected}
        return self._warehouse.execute(ops.update(RUNS, changes, where)) == 1

    def claim(self, run: Run, **changes: ops.Value) -> bool:
        """Mark a pending run as started unless rows of its report are on their way or wait; return whether it was.

        Of several such runs that are claimed at the same time one is started: they wait for each other.
        """
        where: dict[str, ops.Condition] = {"run_id": run.run_id, "status": RunState.PENDING}
        claimed = ops.update(RUNS, {"status": RunState.STARTED, **changes}, where)
        busy = (RunState.STARTED, RunState.SUCCEEDED)
        rivals = {"property_id": run.property_id, "report": run.report, "status": busy, "consumed_at": None}
        unless_busy = f"{claimed} AND NOT EXISTS ({ops.select(RUNS, rivals)})"
        return self._warehouse.execute_together([ops.lock(RUN_TURNS), unless_busy])[-1] == 1

    def drop_pending(
        self, data_flow_id: str, kinds: Iterable[RunKind], *, at: datetime | None = None, keep: Iterable[str] = ()
    ) -> None:
        """Delete a data flow's runs of these kinds that have not begun, but for the run ids to keep.

        With `at`, those that are due by that moment stay too: AppFlow may have begun them, its news on the way.
        """
        pending = self.find(data_flow_id=data_flow_id, status=RunState.PENDING, kind=tuple(kinds))
        unbegun = {run.run_id for run in pending if at is None or run.due_at is None or run.due_at > at}
        if dropped := sorted(unbegun - set(keep)):
            self._warehouse.execute(ops.delete(RUNS, {"run_id": dropped, "status": RunState.PENDING}))


def cut_message(text: str) -> str:
    """Return as much of a text as the `message` of a run or an incident holds, no character cut in two."""
    return _cut(text, _MAX_MESSAGE_BYTES)


def cut_name(name: str) -> str:
    """Return as much of a name as `requested_by` holds: Redshift counts bytes, our contract characters."""
    return _cut(name, _MAX_NAME_BYTES)


def _cut(text: str, most_bytes: int) -> str:
    return text.encode()[:most_bytes].decode(errors="ignore")
