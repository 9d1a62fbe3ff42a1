"""One warm process of a function: started once, given one event at a time, held to its time and memory."""

import contextlib
import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from deploy.local.lambdas.environment import assume_function_role, process_environment
from deploy.local.lambdas.errors import FunctionError
from deploy.local.templates.definitions import FunctionDefinition

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
# Lambda's limit for the phase before the first event; https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
_INIT_SECONDS = 10
_WATCH_SECONDS = 0.1
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class FunctionProcess:
    """A process of one function; after an error that ends it, `is_alive` is False and another must be started."""

    def __init__(
        self, function: FunctionDefinition, endpoint_url: str, extra: Mapping[str, str], log_path: Path
    ) -> None:
        """Start the process. Raises RoleNotAssumed when its role cannot be assumed."""
        self._function = function
        self._credentials = assume_function_role(function, endpoint_url)
        self._is_ready = False
        environment = process_environment(function, self._credentials, endpoint_url, extra)
        child_requests, self._requests = os.pipe()
        self._responses, child_responses = os.pipe()
        self._unread = b""
        with log_path.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-P", str(_BOOTSTRAP), str(child_requests), str(child_responses)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment,
                cwd=function.code_dir,
                pass_fds=(child_requests, child_responses),
                start_new_session=True,
            )
        os.close(child_requests)
        os.close(child_responses)

    @property
    def is_alive(self) -> bool:
        """Tell whether the process can take another event."""
        return self._process.poll() is None

    @property
    def is_fresh(self) -> bool:
        """Tell whether its credentials outlast one more invocation."""
        needed = timedelta(seconds=self._function.timeout_seconds + 60)
        return self._credentials.expires_at - datetime.now(UTC) > needed

    def invoke(self, request_id: str, event: Any) -> Any:
        """Return what the handler returned for an event.

        Raises FunctionError for what it raised, a timeout, too much memory, or the end of the process.
        """
        if not self._is_ready:
            # Lambda starts over within the function's own time when its initialisation takes too long.
            self._initialise()
        request = {
            "request_id": request_id,
            "event": event,
            "function_arn": self._function.arn,
            "timeout_seconds": self._function.timeout_seconds,
        }
        with contextlib.suppress(BrokenPipeError):  # a process that has ended is told of below
            _write_all(self._requests, json.dumps(request).encode() + b"\n")
        return json.loads(self._outcome(self._function.timeout_seconds)["result"])

    def kill(self) -> None:
        """End the process and all it started; an invocation that waits for it fails."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def close(self) -> None:
        """End the process and give up its pipes; nobody may wait for it any more."""
        self.kill()
        for descriptor in (self._requests, self._responses):
            os.close(descriptor)

    def _initialise(self) -> None:
        try:
            self._outcome(_INIT_SECONDS + self._function.timeout_seconds)
        except FunctionError:
            self.kill()
            raise
        self._is_ready = True

    def _outcome(self, seconds: float) -> dict[str, Any]:
        answer: dict[str, Any] = json.loads(self._read_line(time.monotonic() + seconds))
        if "error_type" in answer:
            raise FunctionError(answer["error_type"], answer["error_message"])
        return answer

    def _read_line(self, deadline: float) -> bytes:
        while b"\n" not in self._unread:
            if time.monotonic() > deadline:
                self.kill()
                raise FunctionError(
                    "Sandbox.Timedout", f"Task timed out after {self._function.timeout_seconds} seconds"
                )
            self._check_memory()
            if select.select([self._responses], [], [], _WATCH_SECONDS)[0]:
                self._take()
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _take(self) -> None:
        data = os.read(self._responses, 1 << 20)
        if not data:
            code = self._process.wait()
            ended = f"signal: {signal.Signals(-code).name}" if code < 0 else f"exit status {code}"
            raise FunctionError("Runtime.ExitError", f"Runtime exited with error: {ended}")
        self._unread += data

    def _check_memory(self) -> None:
        if _resident_bytes(self._process.pid) > self._function.memory_mb * 1024 * 1024:
            self.kill()
            raise FunctionError("Runtime.OutOfMemory", "Runtime exited with error: signal: killed")


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _resident_bytes(pid: int) -> int:
    """Return the memory a process holds; 0 once it has ended. (RLIMIT_AS would count what is only reserved.)"""
    if sys.platform != "linux":
        shown = subprocess.run(["ps", "-o", "rss=", "-p", str(pid)], capture_output=True, text=True, check=False)
        return int(shown.stdout.strip() or 0) * 1024
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * _PAGE_BYTES
    except (FileNotFoundError, ProcessLookupError):
        return 0
