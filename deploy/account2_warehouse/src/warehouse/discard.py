"""A landing table whose rows can't be told apart is emptied, and its dates are asked for anew."""

# ruff: noqa: S608 - identifiers are contracts.naming's, checked; values pass through literal()

import hashlib
from dataclasses import asdict
from datetime import datetime

from dataflows.contracts import naming
from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import RUNS
from warehouse import ops
from warehouse.days import merged
from warehouse.delivered_runs import LandedReport
from warehouse.refresh_sql import failing_unless, unconsumed_check
from warehouse.runs import Run, RunKind, RunState
from warehouse.statements import Warehouse


def discard(warehouse: Warehouse, landed: LandedReport, reason: str, at: datetime) -> str:
    """Empty the landing table, close its runs as failed and ask for their dates again, in one transaction.

    Dates that were themselves asked for here, for what is wrong now, are not asked for again: somebody has to look.
    Returns what to tell the operator. Raises TransientError or TerminalError; then nothing changed.
    """
    kind = landed.next_reading
    windows = merged(run.window for run in landed.runs) if kind else []
    message = f"Not loaded: {reason}. " + _what_next(windows)
    closed: dict[str, ops.Value] = {"status": RunState.FAILED, "consumed_at": at, "message": message}
    statements = [
        failing_unless(unconsumed_check([landed]), "the runs were consumed meanwhile"),
        f"DELETE FROM {landed.landing_table}",
        ops.update(RUNS, closed, {"run_id": [run.run_id for run in landed.runs]}),
    ]
    if kind:
        chunks = [chunk for window in windows for chunk in window.chunks()]
        new_runs = [asdict(_new_run(landed, chunk, kind)) for chunk in chunks]
        statements.append(ops.insert(RUNS, new_runs, ("run_id",)))
    warehouse.execute_together(statements)
    return message


def _what_next(windows: list[DateWindow]) -> str:
    if not windows:
        return "Reading the dates again did not help: look at the flow in AppFlow, then Back-fill them."
    dates = ", ".join(f"{window.start_date} to {window.end_date}" for window in windows)
    return f"They are read again: {dates}."


def _new_run(landed: LandedReport, window: DateWindow, kind: RunKind) -> Run:
    latest = landed.runs[-1]
    discarded = " ".join(sorted(run.run_id for run in landed.runs))
    run_id = hashlib.sha256(f"{discarded} {window.start_date} {window.end_date}".encode()).hexdigest()[:32]
    flow_name = naming.appflow_run_flow_name(
        landed.property_id, landed.report, window.start_date, window.end_date, run_id[:8]
    )
    return Run(
        run_id=run_id,
        correlation_id=latest.correlation_id,
        data_flow_id=latest.data_flow_id,
        property_id=landed.property_id,
        report=landed.report,
        appflow_flow_name=flow_name,
        kind=kind,
        start_date=window.start_date,
        end_date=window.end_date,
        requested_by=None,
    )
