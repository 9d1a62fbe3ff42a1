"""What is told to Account 1 about the runs whose rows are refreshed and unloaded."""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

from collections.abc import Callable, Sequence
from datetime import datetime

from dataflows.contracts.events import DataFlowRunReported, RunStatus
from dataflows.contracts.naming import OPS_SCHEMA, RAW_SCHEMA
from dataflows.contracts.reports import ReportTable
from warehouse.answers import run_reported
from warehouse.runs import Run, Runs
from warehouse.statements import Warehouse, literal

Publish = Callable[[Sequence[DataFlowRunReported]], None]


def news_of_pending(
    warehouse: Warehouse, table: ReportTable, status: RunStatus, at: datetime, message: str = ""
) -> list[DataFlowRunReported]:
    """Return `status` of every run of a table that is consumed and whose partitions are not all unloaded.

    A run's rows are those of its own dates; what was rejected are the rows refused, and those kept with a value left
    empty, of the landing table it was consumed from, and the records that AppFlow could not deliver to it. Raises
    TransientError or TerminalError.
    """
    counts = {row["run_id"]: row for row in warehouse.query(_pending_runs(table))}
    if not counts:
        return []
    runs = Runs(warehouse).find(run_id=tuple(counts))
    return [
        run_reported(
            run,
            status,
            max(at, run.ended_at or at),  # what woke the refresh may be older than the run
            rows=int(row["row_count"]),
            rows_rejected=row["rows_rejected"] + (run.rows_failed or 0),
            message=message or _undelivered(run),
        )
        for run in runs
        if (row := counts[run.run_id])
    ]


def _undelivered(run: Run) -> str:
    if not run.rows_failed:
        return ""
    return f"AppFlow could not deliver {run.rows_failed} of the records, twice: they are left out, the others loaded."


def _pending_runs(table: ReportTable) -> str:
    """A partition carries the moment of the refresh that wrote it, and so does the run that refresh consumed."""
    pending = f"SELECT refreshed_at FROM {OPS_SCHEMA}.partitions WHERE report_table = {literal(table.name)}"
    return f"""SELECT runs.run_id, SUM(days.row_count) AS row_count,
  COALESCE(MAX(refused.row_count), 0) AS rows_rejected
FROM {OPS_SCHEMA}.runs AS runs
JOIN {OPS_SCHEMA}.partitions AS days ON days.report_table = {literal(table.name)}
  AND days.property_id = runs.property_id AND days.report_id = runs.report
  AND days.date BETWEEN runs.start_date AND runs.end_date
LEFT JOIN (SELECT property_id, report_id, rejected_at, COUNT(*) AS row_count FROM {RAW_SCHEMA}.rejects
  GROUP BY property_id, report_id, rejected_at) AS refused ON refused.property_id = runs.property_id
    AND refused.report_id = runs.report AND refused.rejected_at = runs.consumed_at
WHERE runs.status = 'succeeded' AND runs.consumed_at IN ({pending} AND unloaded_at IS NULL)
GROUP BY runs.run_id
HAVING MAX(CASE WHEN days.unloaded_at IS NULL AND days.refreshed_at = runs.consumed_at THEN 1 ELSE 0 END) = 1"""
