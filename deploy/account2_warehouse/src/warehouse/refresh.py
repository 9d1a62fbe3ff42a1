"""Landing tables to combined tables: every run that was delivered whole is consumed, each in one transaction.

A run's dates are replaced as a whole, those without rows too. What is not sure to be whole stays where
it is and is looked at again; what can't be told apart is emptied and read again.
"""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from aws_lambda_powertools import Logger

from dataflows.contracts.events import RunStatus
from dataflows.contracts.reports import ReportTable
from warehouse.answers import run_reported
from warehouse.delivered_runs import LandedReport, read_landed
from warehouse.discard import discard
from warehouse.refresh_sql import (
    MAX_REPORTS_PER_BATCH,
    consume_statements,
    dependents_of,
    repair_statements,
    stale_days_query,
)
from warehouse.run_news import Publish, news_of_pending
from warehouse.statements import FailedStatementError, Warehouse, literal

logger = Logger(service="refresh_reports", child=True)

# A scheduled run writes before its start is known here; after this long nothing is still on its way.
COUNT_GRACE: Final = timedelta(hours=1)
_CHECK: Final = 0  # the statement of a batch that compares the landing tables with what was delivered


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did: whether it asked for new runs, and which tables have to be looked at next."""

    runs: int
    has_new_runs: bool
    dependents: tuple[str, ...]


def refresh(warehouse: Warehouse, table: ReportTable, at: datetime, publish: Publish) -> Refreshed:
    """Consume all runs of a report table that are ready at the aware moment `at`.

    Only one call per table may run at a time. News of each run goes to `publish`. Raises
    TransientError or TerminalError when Redshift can't be asked; a property whose rows can't be loaded is
    reported as failed and holds up no other.
    """
    settled = [landed for landed in read_landed(warehouse, table) if not landed.is_running]
    work = _Work(warehouse, table, at, publish)
    if table.depends_on:
        work.recompute_stale()  # first: how far back to look is told by when this table was last refreshed
    for first in range(0, len(settled), MAX_REPORTS_PER_BATCH):
        work.settle(settled[first : first + MAX_REPORTS_PER_BATCH])
    if work.runs_consumed:
        publish(news_of_pending(warehouse, table, RunStatus.REFRESHED, at))
    dependents = tuple(other.name for other in dependents_of(table)) if work.runs_consumed else ()
    return Refreshed(work.runs_consumed, work.has_new_runs, dependents)


class _Work:
    """One refresh under way: what it works on, and what it has done."""

    def __init__(self, warehouse: Warehouse, table: ReportTable, at: datetime, publish: Publish) -> None:
        self._warehouse = warehouse
        self._table = table
        self._at = at
        self._publish = publish
        self.runs_consumed = 0
        self.has_new_runs = False

    def settle(self, batch: Sequence[LandedReport]) -> None:
        """Consume the landing tables that are whole, empty those that never will be, leave the others."""
        counts = _landing_counts(self._warehouse, batch)
        whole = []
        for landed in batch:
            count = counts[landed.landing_table]
            if problem := _problem(landed, count, self._at):
                self._discard(landed, problem)
            elif count == landed.rows_delivered:
                whole.append(landed)
            else:
                _log(landed, "not all delivered rows have landed", rows=count, rows_delivered=landed.rows_delivered)
        if whole:
            self._consume(whole)

    def recompute_stale(self) -> None:
        """Compute anew what was computed with daily totals that have changed since."""
        stale = stale_days_query(self._table, self._at)
        if self._warehouse.query(f"SELECT COUNT(*) AS days FROM ({stale}) AS stale")[0]["days"]:
            self._warehouse.execute_together(repair_statements(self._table, self._at))

    def _discard(self, landed: LandedReport, problem: str) -> None:
        message = discard(self._warehouse, landed, problem, self._at)
        _log(landed, "the landing table was emptied", reason=problem)
        self.has_new_runs = True
        self._report_failed(landed, message)

    def _consume(self, batch: Sequence[LandedReport]) -> None:
        try:
            self._warehouse.execute_together(consume_statements(self._table, batch, self._at))
        except FailedStatementError as error:
            self._consume_apart(batch, error)
        else:
            self.runs_consumed += sum(len(landed.runs) for landed in batch)

    def _consume_apart(self, batch: Sequence[LandedReport], error: FailedStatementError) -> None:
        """Find the landing table that made a batch fail: the others go on without it."""
        if len(batch) > 1:
            self._consume(batch[: len(batch) // 2])
            self._consume(batch[len(batch) // 2 :])
        elif error.index == _CHECK:
            _log(batch[0], "the landing table changed while it was looked at")
        else:
            _log(batch[0], "the landing table cannot be loaded", error=str(error))
            self._report_failed(batch[0], f"Not loaded, and tried again at each refresh: {error.detail}")

    def _report_failed(self, landed: LandedReport, message: str) -> None:
        self._publish([run_reported(run, RunStatus.FAILED, self._at, message=message) for run in landed.runs])


def _problem(landed: LandedReport, count: int, at: datetime) -> str | None:
    """Say why the landing table can never be consumed, if so."""
    if landed.ambiguity is None and count != landed.rows_delivered and landed.ended_before(at - COUNT_GRACE):
        return f"the landing table holds {count} rows, AppFlow delivered {landed.rows_delivered}"
    return landed.ambiguity


def _landing_counts(warehouse: Warehouse, batch: Sequence[LandedReport]) -> dict[str, int]:
    counts = (
        f"SELECT {literal(landed.landing_table)} AS landing_table, COUNT(*) AS row_count FROM {landed.landing_table}"
        for landed in batch
    )
    return {row["landing_table"]: row["row_count"] for row in warehouse.query(" UNION ALL ".join(counts))}


def _log(landed: LandedReport, what: str, **details: object) -> None:
    run = landed.runs[-1]
    flow = {"data_flow_id": run.data_flow_id, "correlation_id": run.correlation_id}
    logger.warning(what, extra={"station": "refresh", "landing_table": landed.landing_table, **flow, **details})
