"""MyApp's worker, beat and application as processes of their own, which may die and are started again."""

import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from deploy.local.processes import ChildProcess, last_lines, start_process
from deploy.local.state import REPOSITORY

_LONGEST_SECONDS: Final = 60.0  # for a registration


class Processes:
    """The processes with `environment`; windows are armed in `folder`, where the logs are too."""

    def __init__(
        self, folder: Path, environment: Mapping[str, str], *, bug: str, concurrency: int, is_as_shipped: bool
    ) -> None:
        self.folder = folder
        self._environment = environment
        self._launched = ("-m", "tests.faults.relay.launcher", str(folder), bug)
        celery = ("-m", "celery") if is_as_shipped else (*self._launched, "celery")
        options = ("--concurrency", str(concurrency), "--loglevel", "WARNING")
        self._worker = (*celery, "-A", "myapp", "worker", *options)
        self._children: dict[str, ChildProcess] = {}
        self._application: subprocess.Popen[str] | None = None

    def start_worker(self) -> None:
        """Start the Celery worker, in whose pool the windows are unless it is as shipped."""
        self._start("worker", self._worker)

    def start_beat(self) -> None:
        """Start Celery's beat as it is."""
        schedule = str(self.folder / "beat.schedule")
        self._start("beat", ("-m", "celery", "-A", "myapp", "beat", "--schedule", schedule))

    @property
    def worker(self) -> ChildProcess:
        """The worker's main process, that of its pool's parent."""
        return self._children["worker"]

    def restart_dead(self) -> None:
        """Do what a supervisor of services does: start those again that have ended."""
        for name, start in (("worker", self.start_worker), ("beat", self.start_beat)):
            if name in self._children and self._children[name].exit_code() is not None:
                start()

    def register(self, property_ids: Sequence[str]) -> None:
        """Have the application register these in one transaction; it may die of it, and is then started again."""
        if self._application is None:
            self._application = self._started_application()
        requests, answers = self._application.stdin, self._application.stdout
        assert requests is not None
        assert answers is not None
        hanging = threading.Timer(_LONGEST_SECONDS, self._application.kill)
        hanging.start()
        requests.write(json.dumps(property_ids) + "\n")
        requests.flush()
        if not answers.readline():
            self._end_application()
        hanging.cancel()

    def last_words(self) -> str:
        """Return the ends of the logs."""
        logs = (self.folder / f"{name}.log" for name in ("worker", "beat", "application"))
        return "\n".join(line for log in logs for line in (f"--- {log.stem}", *last_lines(log, 30)))

    def stop(self) -> None:
        """Stop all of them."""
        for child in self._children.values():
            child.stop(grace_seconds=1)
        self._end_application()

    def _start(self, name: str, arguments: Sequence[str]) -> None:
        if name in self._children:
            self._children.pop(name).stop(grace_seconds=1)
        self._children[name] = start_process(
            name,
            (sys.executable, *arguments),
            env=self._environment,
            cwd=REPOSITORY,
            log_path=self.folder / f"{name}.log",
            record_path=self.folder / f"{name}-{time.time_ns()}.json",
        )

    def _started_application(self) -> "subprocess.Popen[str]":
        with (self.folder / "application.log").open("a") as log:
            return subprocess.Popen(
                (sys.executable, *self._launched, "application"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=self._environment,
                cwd=REPOSITORY,
                text=True,
            )

    def _end_application(self) -> None:
        if self._application is not None:
            with contextlib.suppress(BrokenPipeError):
                self._application.communicate(timeout=10)
            self._application = None


def inherited_environment() -> dict[str, str]:
    """Return what the processes have of ours: where programs are, and MyApp's settings."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {name: value for name, value in os.environ.items() if name in kept or name.startswith("MYAPP_")}
