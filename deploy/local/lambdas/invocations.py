"""Invokes functions: keeps idle processes warm, starts others when needed, tells how each invocation went."""

import contextlib
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from urllib3.exceptions import HTTPError

from deploy.local.lambdas.errors import FunctionError, RoleNotAssumed
from deploy.local.lambdas.process import FunctionProcess
from deploy.local.templates.definitions import FunctionDefinition

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Invocation:
    """How one invocation went: `error` is None if the handler returned; `result` is what it returned."""

    function_name: str
    request_id: str
    is_cold_start: bool
    duration_seconds: float
    result: Any = None
    error: str | None = None


Report = Callable[[Invocation], None]


class WarmFunction:
    """A function and its processes; safe to use from several threads."""

    def __init__(
        self,
        function: FunctionDefinition,
        endpoint_url: str,
        extra: Mapping[str, str],
        logs: Path,
        report: Report | None,
    ) -> None:
        self.definition = function
        self._endpoint_url = endpoint_url
        self._extra = extra
        self._log_path = logs / f"{function.name}.log"
        self._report = report
        self._lock = threading.Lock()
        self._idle: list[FunctionProcess] = []
        self._busy: set[FunctionProcess] = set()
        self._is_stopped = False
        limit = function.reserved_concurrency
        self._slots = threading.Semaphore(limit) if limit is not None else None

    def invoke(self, event: Any, request_id: str | None = None) -> Invocation:
        """Hand an event to a warm process, or a new one, and return how it went; a further try keeps its id.

        Beyond the function's reserved concurrency it fails at once, as Lambda throttles.
        """
        request_id = request_id or str(uuid.uuid4())
        started_at = time.monotonic()
        is_cold_start, result, error = False, None, None
        try:
            with self._slot():
                process, is_cold_start = self._take()
                try:
                    result = process.invoke(request_id, event)
                finally:
                    self._give_back(process)
        except FunctionError as failure:
            error = f"{failure.error_type}: {failure}"
        except (RoleNotAssumed, HTTPError) as failure:
            error = str(failure)
        duration = time.monotonic() - started_at
        invocation = Invocation(self.definition.name, request_id, is_cold_start, duration, result, error)
        self._tell(invocation)
        return invocation

    def stop(self) -> None:
        """End all processes, busy ones too."""
        with self._lock:
            self._is_stopped = True
            idle, self._idle = self._idle, []
            busy, self._busy = self._busy, set()
        for process in idle:
            process.close()
        for process in busy:
            process.kill()  # the thread that waits for it closes it

    @contextlib.contextmanager
    def _slot(self) -> Iterator[None]:
        if self._slots is None:
            yield
            return
        if not self._slots.acquire(blocking=False):
            raise FunctionError("TooManyRequestsException", "Rate Exceeded.")
        try:
            yield
        finally:
            self._slots.release()

    def _take(self) -> tuple[FunctionProcess, bool]:
        with self._lock:
            while self._idle:
                process = self._idle.pop()
                if process.is_alive and process.is_fresh:
                    self._busy.add(process)
                    return process, False
                process.close()
        process = FunctionProcess(self.definition, self._endpoint_url, self._extra, self._log_path)
        with self._lock:
            if not self._is_stopped:
                self._busy.add(process)
                return process, True
        process.close()
        raise FunctionError("Runner.Stopped", "the runner is being stopped")

    def _give_back(self, process: FunctionProcess) -> None:
        with self._lock:
            self._busy.discard(process)
            if process.is_alive and not self._is_stopped:
                self._idle.append(process)
                return
        process.close()

    def _tell(self, invocation: Invocation) -> None:
        outcome = f" Error: {invocation.error}" if invocation.error else ""
        cold = " Cold start" if invocation.is_cold_start else ""
        with self._log_path.open("a") as log:
            log.write(
                f"REPORT RequestId: {invocation.request_id} "
                f"Duration: {invocation.duration_seconds * 1000:.0f} ms{cold}{outcome}\n"
            )
        if invocation.error and not self._is_stopped:
            logger.warning("%s failed (%s): %s", invocation.function_name, self._log_path, invocation.error)
        if self._report:
            self._report(invocation)
