"""The table of incidents: what is wrong with a report of a data flow, from its first failure to its days being loaded.

A report has one unresolved incident at most, whatever goes wrong on top: nobody is told of the same trouble twice.
One that is still tried by itself is told to nobody. What is to be told is noted with the change itself (`told_at`
is null), so that a crash in between loses no news. Whoever changes one changes what was seen, or nothing.
"""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self
from uuid import UUID

from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import INCIDENT_RUNS, INCIDENTS, RUN_TURNS, RUNS
from warehouse import ops
from warehouse.runs import Run, Runs
from warehouse.statements import Warehouse, literal

_MOMENTS: Final = ("since", "next_try_at", "changed_at", "told_at")
OLDEST_FAILURE: Final = timedelta(days=31)  # what failed before that was decided then, or is a matter of Back-fill


class Stage(StrEnum):
    """How far an incident has come; those that are told are called as in the contract."""

    TRYING = "trying"
    OPEN = "open"
    RETRYING = "retrying"
    RESOLVED = "resolved"


UNRESOLVED: Final = (Stage.TRYING, Stage.OPEN, Stage.RETRYING)


@dataclass(frozen=True)
class Incident:
    """One incident as it stands; `window` holds the days that are missing, `run_id` is what Retry makes again."""

    incident_id: str
    correlation_id: str
    data_flow_id: str
    property_id: str
    display_name: str
    report: str
    kind: IncidentKind
    cause: IncidentCause
    state: Stage
    run_id: str | None
    start_date: date
    end_date: date
    since: datetime
    message: str
    attempts: int
    changed_at: datetime
    requested_by: str | None = None
    next_try_at: datetime | None = None
    told_at: datetime | None = None

    @property
    def window(self) -> DateWindow:
        """The range of days that it speaks of."""
        return DateWindow(self.start_date, self.end_date)

    @property
    def log_keys(self) -> dict[str, str | None]:
        """What a log line about it carries."""
        names = ("incident_id", "correlation_id", "data_flow_id", "report", "kind", "cause", "run_id")
        return {name: getattr(self, name) for name in names}

    @property
    def own_run_id(self) -> str:
        """The id of the run that was never made, of an incident at which none has failed: called like the incident."""
        return UUID(self.incident_id).hex

    def may_be_tried(self, at: datetime) -> bool:
        """Whether it is time for another try by itself."""
        return self.next_try_at is None or at >= self.next_try_at

    def changed(self, at: datetime, **changes: Any) -> Self:
        """Return it with changes that are yet to be told, later than what was told before."""
        return replace(self, **changes, changed_at=max(at, self.changed_at + timedelta(milliseconds=1)), told_at=None)

    def silenced(self, at: datetime) -> Self:
        """Return it as one whose news is out."""
        return replace(self, told_at=at)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Return the incident of a row as the Data API gives it."""
        moments = {name: ops.moment(row[name]) for name in _MOMENTS}
        dates = {name: date.fromisoformat(row[name]) for name in ("start_date", "end_date")}
        words = {"kind": IncidentKind(row["kind"]), "cause": IncidentCause(row["cause"]), "state": Stage(row["state"])}
        return cls(**{**row, **moments, **dates, **words})


@dataclass(frozen=True)
class Failure:
    """A failed run that nothing was decided of yet; `attempt` counts the tries that were made before it."""

    run: Run
    attempt: int


class Incidents:
    """The table of incidents, and that of the runs they are about."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.runs = Runs(warehouse)

    def find(self, **where: ops.Condition) -> list[Incident]:
        """Return the incidents whose columns are so, the oldest first."""
        rows = self.warehouse.query(ops.select(INCIDENTS, where, ("since", "incident_id")))
        return [Incident.from_row(row) for row in rows]

    def failures(self, at: datetime, data_flow_id: str | None = None) -> list[Failure]:
        """Return the failed runs that nothing was decided of, the last to fail first."""
        columns = ", ".join(f"failed.{name}" for name, _ in RUNS.columns)
        of_one = "" if data_flow_id is None else f" AND failed.data_flow_id = {literal(data_flow_id)}"
        rows = self.warehouse.query(
            f"SELECT {columns}, COALESCE(tried.attempt, 0) AS attempt FROM {RUNS.qualified_name} AS failed "
            f"LEFT JOIN {INCIDENT_RUNS.qualified_name} AS tried ON tried.run_id = failed.run_id "
            f"WHERE failed.status = 'failed' AND tried.decided_at IS NULL "
            f"AND failed.ended_at > {literal(at - OLDEST_FAILURE)}{of_one} "
            "ORDER BY failed.ended_at DESC, failed.run_id"
        )
        attempts = [row.pop("attempt") for row in rows]
        return [Failure(Run.from_row(row), attempt) for row, attempt in zip(rows, attempts, strict=True)]

    def runs_of(self, incident: Incident) -> list[Run]:
        """Return the runs that an incident is about, failed ones and those made instead."""
        rows = self.warehouse.query(ops.select(INCIDENT_RUNS, {"incident_id": incident.incident_id}))
        return self.runs.find(run_id=tuple(row["run_id"] for row in rows))

    def is_decided(self, run: Run) -> bool:
        """Return whether something was decided of a failed run."""
        rows = self.warehouse.query(ops.select(INCIDENT_RUNS, {"run_id": run.run_id}))
        return any(row["decided_at"] for row in rows)

    def dismiss(self, run: Run, at: datetime) -> None:
        """Note that nothing is to be done about a failed run: its days are there, or another run's business."""
        decided: dict[str, ops.Value] = {"run_id": run.run_id, "attempt": 0, "decided_at": at}
        self.warehouse.execute_together(
            [
                ops.lock(RUN_TURNS),
                ops.insert(INCIDENT_RUNS, [decided], ("run_id",)),
                ops.update(INCIDENT_RUNS, {"decided_at": at}, {"run_id": run.run_id}),
            ]
        )

    def change(
        self, known: Incident | None, incident: Incident, *, failure: Failure | None = None, runs: Sequence[Run] = ()
    ) -> bool:
        """Write an incident down as it is now, with the failure that was decided of and the runs that are its own.

        All of it in one transaction, and none of it unless everything still is as the caller saw it: the incident as
        `known` (None: the report has no unresolved one), the failure undecided. Returns whether it was.
        """
        attempt = failure.attempt + 1 if failure else incident.attempts
        unchanged = _unchanged(known, incident, failure)
        written = _written(known, incident, failure)
        statements = [*_linked(incident, runs, attempt, unchanged), *_decided(incident, failure, unchanged), written]
        return self.warehouse.execute_together([ops.lock(RUN_TURNS), *statements])[-1] == 1

    def untold(self) -> list[Incident]:
        """Return what has changed and was not told, the oldest change first."""
        rows = self.warehouse.query(ops.select(INCIDENTS, {"told_at": None}, ("changed_at", "incident_id")))
        return [item for row in rows if (item := Incident.from_row(row)).state is not Stage.TRYING]

    def told(self, news: Sequence[Incident], at: datetime) -> None:
        """Note that the news of incidents is out, but for those that have changed since."""
        self.warehouse.execute_together(
            [
                ops.update(
                    INCIDENTS,
                    {"told_at": at},
                    {"incident_id": incident.incident_id, "changed_at": incident.changed_at},
                )
                for incident in news
            ]
        )


def _row(incident: Incident) -> dict[str, ops.Value]:
    return asdict(incident)


def _is_known(known: Incident | None, incident: Incident) -> str:
    """Return the condition that nobody has changed the incident meanwhile, or begun one."""
    if known is None:
        report: dict[str, ops.Condition] = {"data_flow_id": incident.data_flow_id, "report": incident.report}
        return f"NOT EXISTS ({ops.select(INCIDENTS, {**report, 'state': UNRESOLVED})})"
    return f"EXISTS ({ops.select(INCIDENTS, {'incident_id': known.incident_id, 'changed_at': known.changed_at})})"


def _unchanged(known: Incident | None, incident: Incident, failure: Failure | None) -> str:
    """Return the condition that nobody has decided of the failure either."""
    if failure is None:
        return _is_known(known, incident)
    links = ops.select(INCIDENT_RUNS, {"run_id": failure.run.run_id})
    return f"{_is_known(known, incident)} AND NOT EXISTS ({links} AND decided_at IS NOT NULL)"


def _linked(incident: Incident, runs: Sequence[Run], attempt: int, unchanged: str) -> list[str]:
    """Note the runs that are made instead of failed ones, all of them the same attempt."""
    if not runs:
        return []
    own: dict[str, ops.Value] = {"incident_id": incident.incident_id, "attempt": attempt}
    links = [{"run_id": run.run_id, **own} for run in runs]
    made = ops.insert(RUNS, [asdict(run) for run in runs], ("run_id",))
    return [f"{made} AND {unchanged}", f"{ops.insert(INCIDENT_RUNS, links, ('run_id',))} AND {unchanged}"]


def _decided(incident: Incident, failure: Failure | None, unchanged: str) -> list[str]:
    """Note a failed run as the incident's own, and that it is decided of: since the change that follows."""
    if failure is None:
        return []
    run: dict[str, ops.Value] = {"run_id": failure.run.run_id}
    link = ops.insert(INCIDENT_RUNS, [{**run, "attempt": failure.attempt}], ("run_id",))
    decision: dict[str, ops.Value] = {"incident_id": incident.incident_id, "decided_at": incident.changed_at}
    decided = ops.update(INCIDENT_RUNS, decision, {"run_id": failure.run.run_id})
    return [f"{link} AND {unchanged}", f"{decided} AND {unchanged}"]


def _written(known: Incident | None, incident: Incident, failure: Failure | None) -> str:
    """Return the statement that changes the incident or begins it, if the failure was decided of just before.

    Its moment tells: who else decides under this incident changes it, and each change is later than the one before.
    """
    condition = _is_known(known, incident)
    if failure is not None:
        mine: dict[str, ops.Condition] = {"incident_id": incident.incident_id, "decided_at": incident.changed_at}
        condition += f" AND EXISTS ({ops.select(INCIDENT_RUNS, {'run_id': failure.run.run_id, **mine})})"
    if known is None:
        return f"{ops.insert(INCIDENTS, [_row(incident)], ('incident_id',))} AND {condition}"
    return f"{ops.update(INCIDENTS, _row(incident), {'incident_id': incident.incident_id})} AND {condition}"
