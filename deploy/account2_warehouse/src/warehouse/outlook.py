"""How it stands with the days of incidents: which are missing, what may bring them, and whether a run has worked."""

# ruff: noqa: S608 - identifiers are the tables' own; values pass through literal()

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import INCIDENT_RUNS, INCIDENTS, RUNS
from warehouse.days import left_of, merged
from warehouse.incidents import OLDEST_FAILURE, Incident
from warehouse.runs import Run, RunState
from warehouse.statements import Warehouse, literal

_INCIDENTS_A_QUERY: Final = 1000  # of 40 bytes each


@dataclass(frozen=True)
class Outlook:
    """How it stands with an incident's days: those missing, the runs that may bring them, and what was last."""

    missing: tuple[DateWindow, ...] = ()
    failed: tuple[Run, ...] = ()  # the last to fail last
    under_way: tuple[Run, ...] = ()
    has_worked_since: bool = False  # a run of the report
    has_helped_since: bool = False  # one that was made for the incident
    undecided: tuple[Run, ...] = ()  # those failed of which nothing was decided

    def is_undecided(self, at: datetime) -> bool:
        """Return whether remediation has yet to say what follows from a failure."""
        return any(run.ended_at and run.ended_at > at - OLDEST_FAILURE for run in self.undecided)


def outlooks(warehouse: Warehouse, incidents: Sequence[Incident]) -> dict[str, Outlook]:
    """Return how it stands with each incident, by its id, in one query for a thousand of them.

    Raises TransientError or TerminalError.
    """
    found = {incident.incident_id: Outlook() for incident in incidents}
    for first in range(0, len(incidents), _INCIDENTS_A_QUERY):
        chunk = incidents[first : first + _INCIDENTS_A_QUERY]
        rows = warehouse.query(_query([incident.incident_id for incident in chunk]))
        by_incident: dict[str, list[dict[str, Any]]] = {}
        for row in rows:
            by_incident.setdefault(row.pop("troubled_id"), []).append(row)
        found |= {incident_id: _outlook(of_incident) for incident_id, of_incident in by_incident.items()}
    return found


def still_missing(failed: Run, history: Iterable[Run]) -> list[DateWindow]:
    """Return the days of a failed run that no run of its report has read since."""
    return left_of([failed.window], (run.window for run in history if run.has_read and _is_after(run, failed)))


def _outlook(rows: Iterable[dict[str, Any]]) -> Outlook:
    runs = [_known(row) for row in rows]
    history = [known.run for known in runs]
    own = [known for known in runs if known.is_own and known.has_failed]
    failed = sorted((known.run for known in own), key=_ended_at)
    missing = merged(part for run in failed for part in still_missing(run, history))
    return Outlook(
        missing=tuple(missing),
        failed=tuple(failed),
        under_way=tuple(run for run in history if _may_bring(run, missing)),
        has_worked_since=any(_has_worked(known.run, failed) for known in runs),
        has_helped_since=any(_has_worked(known.run, failed) for known in runs if known.is_own),
        undecided=tuple(known.run for known in own if not known.is_decided),
    )


@dataclass(frozen=True)
class _Known:
    """A run of the report: whether it is the incident's own, and something was decided of it."""

    run: Run
    is_own: bool
    is_decided: bool

    @property
    def has_failed(self) -> bool:
        return self.run.status is RunState.FAILED and self.run.ended_at is not None


def _known(row: dict[str, Any]) -> _Known:
    own_id, decided_at = row.pop("own_id"), row.pop("decided_at")
    return _Known(Run.from_row(row), own_id is not None, decided_at is not None)


def _has_worked(run: Run, failed: Sequence[Run]) -> bool:
    """Whether a run has worked since the last one failed."""
    return bool(failed) and run.has_read and _is_after(run, failed[-1])


def _is_after(run: Run, failed: Run) -> bool:
    """Whether a run ended after another one; one that began when that ended may end at the same moment."""
    ended_at = _ended_at(failed)
    return _ended_at(run) > ended_at or (run.started_at is not None and run.started_at >= ended_at)


def _may_bring(run: Run, missing: Iterable[DateWindow]) -> bool:
    """Whether a run is under way that reads some of the days (any, if none is missing), beside the daily ones."""
    wanted = list(missing)
    brings_some = not wanted or left_of(wanted, [run.window]) != wanted
    return run.is_under_way and not run.is_scheduled and brings_some


def _ended_at(run: Run) -> datetime:
    if run.ended_at is None:
        raise ValueError(f"the run {run.run_id} has not ended")
    return run.ended_at


def _query(incident_ids: Iterable[str]) -> str:
    """The runs of each incident's report that have not ended, or only since the first of its own that failed."""
    columns = ", ".join(f"known.{name}" for name, _ in RUNS.columns)
    return f"""SELECT {columns}, troubled.incident_id AS troubled_id, own.incident_id AS own_id, own.decided_at
FROM {RUNS.qualified_name} AS known
JOIN (SELECT incidents.incident_id, incidents.property_id, incidents.report,
    MIN(COALESCE(failed.ended_at, incidents.since)) AS since
  FROM {INCIDENTS.qualified_name} AS incidents
  LEFT JOIN {INCIDENT_RUNS.qualified_name} AS links ON links.incident_id = incidents.incident_id
  LEFT JOIN {RUNS.qualified_name} AS failed ON failed.run_id = links.run_id AND failed.status = 'failed'
  WHERE incidents.incident_id IN ({", ".join(map(literal, incident_ids))})
  GROUP BY incidents.incident_id, incidents.property_id, incidents.report) AS troubled
  ON troubled.property_id = known.property_id AND troubled.report = known.report
LEFT JOIN {INCIDENT_RUNS.qualified_name} AS own
  ON own.run_id = known.run_id AND own.incident_id = troubled.incident_id
WHERE known.ended_at IS NULL OR known.ended_at >= troubled.since"""
