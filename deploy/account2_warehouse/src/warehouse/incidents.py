"""The table of incidents: what is wrong with a report of a data flow, from its first failure to its days being loaded.

A report has one unresolved incident at most, whatever goes wrong on top: nobody is told of the same trouble twice.
One that is still tried by itself is told to nobody. What is to be told is noted with the change itself (`told_at`
is null), so that a crash in between loses no news.
"""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from dataflows.contracts.incidents import IncidentCause, IncidentKind
from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import INCIDENT_RUNS, INCIDENTS, RUN_TURNS, RUNS
from warehouse import ops
from warehouse.runs import Run, Runs
from warehouse.statements import Warehouse, literal

_MOMENTS: Final = ("since", "next_try_at", "changed_at", "told_at")
_OLDEST_FAILURE: Final = timedelta(days=31)  # what failed before that was decided then, or is a matter of Back-fill


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
            f"AND failed.ended_at > {literal(at - _OLDEST_FAILURE)}{of_one} "
            "ORDER BY failed.ended_at DESC, failed.run_id"
        )
        attempts = [row.pop("attempt") for row in rows]
        return [Failure(Run.from_row(row), attempt) for row, attempt in zip(rows, attempts, strict=True)]

    def runs_of(self, incident: Incident) -> list[Run]:
        """Return the runs that an incident is about, failed ones and those made instead."""
        rows = self.warehouse.query(ops.select(INCIDENT_RUNS, {"incident_id": incident.incident_id}))
        return self.runs.find(run_id=tuple(row["run_id"] for row in rows))

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

    def record(
        self, incident: Incident, at: datetime, *, failed: Failure | None = None, retry: Run | None = None
    ) -> None:
        """Write an incident down as it is now, with the run whose failure was decided and the one made instead.

        All in one transaction. A new one is dropped where its report has an unresolved one: that is changed.
        """
        statements = [ops.lock(RUN_TURNS), _begin(incident), _change(incident)]
        if failed is not None:
            statements += _link(incident, failed.run.run_id, failed.attempt, at)
        if failed is not None and retry is not None:
            statements += _made(incident, [retry], failed.attempt + 1)
        self.warehouse.execute_together(statements)

    def change_from(self, known: Incident, incident: Incident, retries: Sequence[Run] = ()) -> bool:
        """Write changes down unless somebody else changed it since it was `known`; return whether they were.

        The retries are noted with it, whoever was first: they have the same ids.
        """
        claim: dict[str, ops.Condition] = {"incident_id": known.incident_id, "state": known.state}
        changes = ops.update(INCIDENTS, _row(incident), {**claim, "attempts": known.attempts})
        statements = [ops.lock(RUN_TURNS), changes, *_made(incident, retries, incident.attempts)]
        return self.warehouse.execute_together(statements)[1] == 1

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


def _unresolved(incident: Incident) -> dict[str, ops.Condition]:
    return {"data_flow_id": incident.data_flow_id, "report": incident.report, "state": UNRESOLVED}


def _begin(incident: Incident) -> str:
    unless = ops.select(INCIDENTS, _unresolved(incident))
    return f"{ops.insert(INCIDENTS, [_row(incident)], ('incident_id',))} AND NOT EXISTS ({unless})"


def _change(incident: Incident) -> str:
    """Change the report's unresolved incident, which may be another one that began at the same time."""
    kept = ("incident_id", "since", "correlation_id", "data_flow_id", "property_id", "report")
    changes = {name: value for name, value in _row(incident).items() if name not in kept}
    return ops.update(INCIDENTS, changes, _unresolved(incident))


def _made(incident: Incident, retries: Sequence[Run], attempt: int) -> list[str]:
    """Note the runs that are made instead of failed ones, all of them the same attempt."""
    if not retries:
        return []
    links = [statement for run in retries for statement in _link(incident, run.run_id, attempt, None)]
    return [ops.insert(RUNS, [asdict(run) for run in retries], ("run_id",)), *links]


def _link(incident: Incident, run_id: str, attempt: int, decided_at: datetime | None) -> list[str]:
    """Note a run as one of the report's unresolved incident, or what was decided of one that is."""
    of_report = ops.select(INCIDENTS, _unresolved(incident))
    link: dict[str, ops.Value] = {"run_id": run_id, "attempt": attempt, "decided_at": decided_at}
    inserted = ops.insert(INCIDENT_RUNS, [link], ("run_id",))
    owner = f"(SELECT MAX(unresolved.incident_id) FROM ({of_report}) AS unresolved)"
    owned = f"UPDATE {INCIDENT_RUNS.qualified_name} SET incident_id = {owner} WHERE run_id = {literal(run_id)}"
    statements = [inserted, f"{owned} AND incident_id IS NULL"]
    if decided_at is not None:
        statements.append(ops.update(INCIDENT_RUNS, {"decided_at": decided_at}, {"run_id": run_id}))
    return statements
