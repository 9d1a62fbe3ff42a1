"""Runs of flows: those somebody starts, and those whose time has come. One flow's runs follow each other."""

import logging
import threading
import uuid
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime

from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import RunCanceledError, RunFailedError
from deploy.local.appflow.flow_schedule import make_timetable
from deploy.local.appflow.run_events import publish_flow_deactivated, publish_run_ended, publish_run_started
from deploy.local.appflow.state import (
    ACTIVE,
    CANCEL_STARTED,
    CANCELED,
    ERROR,
    SUCCESSFUL,
    SUSPENDED,
    AppFlowRegion,
    ConnectorProfile,
    Execution,
    Flow,
)
from deploy.local.appflow.transfer import Transfer
from deploy.local.scheduler.timetable import Timetable

logger = logging.getLogger(__name__)

_LONGEST_MESSAGE = 2048


@dataclass(frozen=True)
class _Run:
    """`as_due` is the flow as it was when the run came due: it may be changed before the run begins."""

    flow: Flow
    as_due: Flow
    region: AppFlowRegion
    execution: Execution


class Runner:
    """Makes runs, in a pool of workers. `lock` guards the state; it is held by whoever calls a method."""

    def __init__(self, environment: Environment, lock: AbstractContextManager[object]) -> None:
        self._environment = environment
        self._lock = lock
        self._timetables: dict[str, Timetable] = {}
        self._queues: dict[str, deque[_Run]] = {}
        self._is_closed = threading.Event()
        self._workers = ThreadPoolExecutor(environment.settings.workers, thread_name_prefix="appflow")

    def close(self) -> None:
        """Wait for the runs at work; those that wait are not made."""
        self._is_closed.set()
        self._workers.shutdown(cancel_futures=True)

    def start(self, flow: Flow, region: AppFlowRegion) -> Execution:
        """Begin a run of a flow and return its record."""
        now = self._environment.clock.now()
        execution = Execution(execution_id=str(uuid.uuid4()), started_at=now, updated_at=now)
        flow.executions.append(execution)
        queue = self._queues.setdefault(flow.arn, deque())
        queue.append(_Run(flow, replace(flow, executions=[]), region, execution))
        if len(queue) == 1:
            self._workers.submit(self._work, flow.arn)
        return execution

    def start_due(self, flow: Flow, region: AppFlowRegion, now: datetime) -> None:
        """Begin every run of an active flow that came due since it was last asked for, in order."""
        timetable = self._timetables.get(flow.arn)
        if timetable is not None and flow.status == ACTIVE:
            for _ in timetable.take_due(now):
                self.start(flow, region)

    def schedule(self, flow: Flow, since: datetime) -> None:
        """Let an active scheduled flow run by its present schedule, and any other flow by none."""
        if flow.is_scheduled and flow.status == ACTIVE:
            self._timetables[flow.arn] = make_timetable(flow, since)
        else:
            self._timetables.pop(flow.arn, None)

    def forget(self, flow: Flow) -> None:
        """Let a deleted flow run no more; runs that are not over are cancelled."""
        self._timetables.pop(flow.arn, None)
        for execution in flow.running():
            execution.status = CANCEL_STARTED

    def _work(self, arn: str) -> None:
        with self._lock:
            queue = self._queues[arn]
        while not self._is_closed.is_set():
            try:
                self._run(queue[0])
            except Exception:
                logger.exception("A run of %s could not be recorded.", arn)
            with self._lock:
                queue.popleft()
                if not queue:
                    del self._queues[arn]
                    return

    def _run(self, run: _Run) -> None:
        publish_run_started(self._environment, run.as_due, run.execution)
        status, message = self._outcome(run)
        with self._lock:
            run.execution.status = status
            run.execution.message = message[:_LONGEST_MESSAGE]
            run.execution.updated_at = self._environment.clock.now()
            is_deactivated = self._count_failures(run)
        publish_run_ended(self._environment, run.as_due, run.execution)
        if is_deactivated:
            publish_flow_deactivated(self._environment, run.flow, run.flow.status_message, run.execution.updated_at)

    def _outcome(self, run: _Run) -> tuple[str, str]:
        try:
            if run.execution.status == CANCEL_STARTED:
                return CANCELED, ""
            source, destination = self._profiles(run)
            Transfer(self._environment, run.as_due, source, destination, run.execution).run()
        except RunCanceledError:
            return CANCELED, ""
        except RunFailedError as error:
            return ERROR, str(error)
        except Exception as error:
            logger.exception("A run of %s broke", run.flow.arn)
            return ERROR, f"An internal error occurred: {error!r}"
        return SUCCESSFUL, ""

    def _profiles(self, run: _Run) -> tuple[ConnectorProfile, ConnectorProfile]:
        names = (run.as_due.source["connectorProfileName"], run.as_due.destination["connectorProfileName"])
        with self._lock:
            if missing := [name for name in names if name not in run.region.profiles]:
                raise RunFailedError(f"The connector profile {', '.join(missing)} does not exist any more.")
            return run.region.profiles[names[0]], run.region.profiles[names[1]]

    def _count_failures(self, run: _Run) -> bool:
        """Count failures in a row, and suspend a scheduled flow that has too many; return whether it was suspended."""
        flow = run.flow
        flow.consecutive_failures = flow.consecutive_failures + 1 if run.execution.status == ERROR else 0
        threshold = flow.schedule.get("flowErrorDeactivationThreshold")
        if flow.status != ACTIVE or threshold is None or flow.consecutive_failures < threshold:
            return False
        flow.status = SUSPENDED
        flow.status_message = (
            f"{flow.consecutive_failures} runs failed in a row, the last one with: {run.execution.message}"
        )
        self.schedule(flow, run.execution.updated_at)
        return True
