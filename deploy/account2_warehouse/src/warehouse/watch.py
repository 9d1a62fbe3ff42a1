"""Records how AppFlow's runs went. Its events only wake this: the execution records are what counts."""

import re
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final

from aws_lambda_powertools import Logger

from dataflows.contracts.errors import TransientError
from dataflows.contracts.events import RunStatus
from dataflows.contracts.reports import CUSTOM_TABLE, REPORTS
from message_batches.metrics import count
from warehouse.answers import Answers, run_reported
from warehouse.appflow import Execution, Flows
from warehouse.queues import RefreshQueue
from warehouse.remediation import Remediation
from warehouse.runs import Run, Runs, RunState, cut_message
from warehouse.scheduled_flows import ScheduledFlows
from warehouse.scheduled_runs import ScheduledRuns
from warehouse.starting import Starter
from warehouse.statements import Warehouse

logger = Logger(child=True)

_ZONE_NAME: Final = re.compile(r"\[[^\]]*\]$")  # times look like 2024-07-03T03:20:02.829Z[UTC]


@dataclass(frozen=True)
class Watcher:
    """Follows the runs of the account's flows; `warehouse` is where `ga4_ops` is kept."""

    answers: Answers
    warehouse: Warehouse
    runs: Runs
    scheduled_runs: ScheduledRuns
    flows: Flows
    refresh_queue: RefreshQueue
    starter: Starter
    remediation: Remediation
    scheduled_flows: ScheduledFlows

    def take_event(self, detail_type: str, detail: dict[str, Any], at: datetime) -> None:
        """Take one of AppFlow's events. Raises TransientError when its record can't be had yet."""
        if detail_type == "AppFlow Scheduled Flow Deactivated":
            self.scheduled_flows.deactivated(detail["flow-name"], detail.get("deactivation-reason", ""), at)
            self.remediation.look(at)
            return
        run = self._run_of(detail)
        if run is None:
            logger.warning("not a flow of ours", flow=detail["flow-name"])
        elif detail_type == "AppFlow Start Flow Run Report":
            self.begun(run, detail["execution-id"], _moment(detail["start-time"]))
        else:
            self.ended(run, self._execution(detail), at)

    def begun(self, run: Run, execution_id: str, at: datetime) -> Run:
        """Record that AppFlow has started a run."""
        started = replace(run, status=RunState.STARTED, execution_id=execution_id, started_at=at)
        if run.status in (RunState.PENDING, RunState.STARTED):
            self.runs.change(run, run.status, status=RunState.STARTED, execution_id=execution_id, started_at=at)
            self.answers.put([run_reported(started, RunStatus.STARTED, at)])
        return started

    def ended(self, run: Run, execution: Execution | None, at: datetime) -> None:
        """Record how a run ended and do what follows; recorded twice, it stands there once."""
        if run.consumed_at is not None:
            return
        if run.status in (RunState.PENDING, RunState.STARTED):
            run = self._record(run, execution)
        self._follow_up(run, at)

    def fail(self, run: Run, message: str, at: datetime) -> None:
        """Record that a run came to nothing."""
        failed = replace(run, status=RunState.FAILED, message=message, ended_at=at)
        self.runs.change(run, run.status, status=RunState.FAILED, message=message, ended_at=at)
        self._follow_up(failed, at)

    def _record(self, run: Run, execution: Execution | None) -> Run:
        if execution is None or not execution.is_over:
            raise TransientError(f"AppFlow has no final record of the run {run.run_id} yet")
        status = RunState.SUCCEEDED if execution.is_successful else RunState.FAILED
        changes: dict[str, Any] = {
            "status": status,
            "execution_id": execution.execution_id,
            "rows_delivered": execution.rows_delivered,
            "rows_failed": execution.rows_failed,
            "message": _message(execution),
            "started_at": execution.started_at,
            "ended_at": execution.ended_at,
        }
        # Its start may be recorded at the same time: the end must not be lost to that.
        self.runs.change(run, (RunState.PENDING, RunState.STARTED), **changes)
        return replace(run, **changes)

    def _follow_up(self, run: Run, at: datetime) -> None:
        has_succeeded = run.status is RunState.SUCCEEDED
        status = RunStatus.SUCCEEDED if has_succeeded else RunStatus.FAILED
        rows, message = run.rows_delivered or 0, run.message or ""
        self.answers.put([run_reported(run, status, run.ended_at or at, rows=rows, message=message)])
        logger.info(status, extra={**run.log_keys, "rows": rows, "error": message})
        count("RunsSucceeded" if has_succeeded else "RunsFailed")
        if not run.is_scheduled and run.appflow_flow_name:
            self.flows.delete(run.appflow_flow_name)
        if has_succeeded:
            self.refresh_queue.refresh(report_table(run.report), at)
        else:
            self.remediation.look(max(at, run.ended_at or at), run.data_flow_id)
        self.starter.start(run.data_flow_id, at)

    def _run_of(self, detail: dict[str, Any]) -> Run | None:
        name, execution_id = detail["flow-name"], detail["execution-id"]
        if known := self.runs.find(appflow_flow_name=name, execution_id=execution_id):
            return known[0]
        if "." in name:  # an OnDemand flow runs once
            return next(iter(self.runs.find(appflow_flow_name=name)), None)
        return self.scheduled_runs.started(name, execution_id, _moment(detail["start-time"]))

    def _execution(self, detail: dict[str, Any]) -> Execution | None:
        return self.flows.execution(detail["flow-name"], detail["execution-id"])


def report_table(report: str) -> str:
    """Return the table that a report's rows lie in."""
    return REPORTS[report].table.name if report in REPORTS else CUSTOM_TABLE


def _message(execution: Execution) -> str | None:
    text = execution.message or ("" if execution.is_successful else f"AppFlow says {execution.status}.")
    return cut_message(text.replace("\0", "")) or None


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(_ZONE_NAME.sub("", text))
