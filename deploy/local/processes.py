"""Child processes of the local stack: started, recorded, watched, and stopped - and no others.

Each process leads a process group of its own, so that a Ctrl-C reaches only us, and is recorded in a
file with its start time, so that a later run can stop what a killed one left behind without ever hitting
a stranger that was given the same pid.
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from deploy.local.servers.account import Account

POLL_SECONDS = 0.02
GRACE_SECONDS = 10.0


@dataclass(frozen=True)
class ProcessRecord:
    """What is kept of a process: `started` tells it from any other one that ever had its pid."""

    name: str
    pid: int
    started: str
    log: str
    stop_signal: int

    def is_alive(self) -> bool:
        """Tell whether this very process still runs."""
        return start_mark(self.pid) == self.started

    def write(self, path: Path) -> None:
        """Keep the record in `path`."""
        fresh = path.with_suffix(".tmp")
        fresh.write_text(json.dumps(asdict(self)))
        fresh.replace(path)

    @classmethod
    def read(cls, path: Path) -> "ProcessRecord | None":
        """Return the record in `path`, or None if nothing is recorded there."""
        try:
            return cls(**json.loads(path.read_text()))
        except FileNotFoundError:
            return None


@dataclass(frozen=True)
class ChildProcess:
    """A process that this one started, and the file that it is recorded in."""

    popen: "subprocess.Popen[bytes]"
    record: ProcessRecord
    record_path: Path

    @property
    def log_path(self) -> Path:
        """The file that takes what the process prints."""
        return Path(self.record.log)

    def exit_code(self) -> int | None:
        """Return the exit code (negative: the signal that ended it), or None while it runs."""
        return self.popen.poll()

    def stop(self, grace_seconds: float = GRACE_SECONDS) -> None:
        """Stop the process and its group, by force after `grace_seconds`, and forget its record."""
        if self.popen.poll() is None:
            _signal_group(self.record.pid, self.record.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.popen.wait(grace_seconds)
        # Whatever is left of the group; its number cannot be another's while a member lives.
        _signal_group(self.record.pid, signal.SIGKILL)
        self.popen.wait()
        self.record_path.unlink(missing_ok=True)


class ChildDied(Exception):
    """A process that should still run has ended; the message names it, its log and its last lines."""

    def __init__(self, child: ChildProcess) -> None:
        lines = "\n".join(f"    {line}" for line in last_lines(child.log_path, 10))
        super().__init__(
            f"{child.record.name} has ended ({describe_exit(child.exit_code())}). "
            f"Its log is {child.log_path}; the last lines:\n{lines or '    (nothing was printed)'}"
        )
        self.name = child.record.name


class Supervisor:
    """Starts named processes, tells when one has died, and stops them all, the youngest first."""

    def __init__(self, records: Path, logs: Path) -> None:
        """Keep a record of each process in the folder `records`, and what it prints in `logs`."""
        self._records = records
        self._logs = logs
        self._children: list[ChildProcess] = []

    def start(self, name: str, command: Sequence[str], env: Mapping[str, str], cwd: Path) -> ChildProcess:
        """Start `command` with exactly the environment `env` in the folder `cwd`; it logs to `<name>.log`.

        Raises:
            FileNotFoundError: the program does not exist.
        """
        # The records sort by age, so that leftovers, too, are stopped in reverse order.
        record_path = self._records / f"{time.time_ns()}-{name}.json"
        child = start_process(
            name, command, env=env, cwd=cwd, log_path=self._logs / f"{name}.log", record_path=record_path
        )
        self._children.append(child)
        return child

    def raise_if_dead(self) -> None:
        """Raise `ChildDied` if a process that was started has ended."""
        for child in self._children:
            if child.exit_code() is not None:
                raise ChildDied(child)

    def stop(self, name: str) -> None:
        """Stop the processes of that name on purpose."""
        for child in [child for child in self._children if child.record.name == name]:
            self._children.remove(child)
            child.stop()

    def stop_all(self) -> None:
        """Stop every process, the youngest first; a Ctrl-C meanwhile does not leave any behind."""
        with _ignoring_interrupts():
            while self._children:
                self._children.pop().stop()

    def stop_leftovers(self) -> list[str]:
        """Stop what an earlier run recorded and left behind; return the names of what still ran."""
        paths = sorted(self._records.glob("*.json"), reverse=True)
        return [name for path in paths if (name := stop_recorded(path)) is not None]


def start_process(
    name: str,
    command: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    log_path: Path,
    record_path: Path,
    account: "Account | None" = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> ChildProcess:
    """Start and record one process; its output is appended to `log_path`, it runs as `account` if given."""
    with log_path.open("ab") as log:
        popen = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=cwd,
            start_new_session=True,
            **(account.popen_arguments() if account else {}),
        )
    record = ProcessRecord(name, popen.pid, start_mark(popen.pid) or "ended", str(log_path), stop_signal)
    record.write(record_path)
    return ChildProcess(popen, record, record_path)


def stop_recorded(record_path: Path, grace_seconds: float = GRACE_SECONDS) -> str | None:
    """Stop the process recorded in a file, if it still runs; forget the record; return its name if it ran."""
    record = ProcessRecord.read(record_path)
    if record is None:
        return None
    was_alive = record.is_alive()
    if was_alive:
        _signal_group(record.pid, record.stop_signal)
        if not wait_until(lambda: not record.is_alive(), grace_seconds):
            _signal_group(record.pid, signal.SIGKILL)
            wait_until(lambda: not record.is_alive(), grace_seconds)
    record_path.unlink(missing_ok=True)
    return record.name if was_alive else None


def stop_when_told() -> None:
    """Let SIGTERM, and SIGINT where a shell had it ignored, end this process as Ctrl-C does: by KeyboardInterrupt."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.default_int_handler)


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Wait until `condition()` is true, at most `seconds`; return whether it became true."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def start_mark(pid: int) -> str | None:
    """Return a text that names one run of a process for ever, or None if no such process runs."""
    if sys.platform != "linux":
        return _start_mark_of_ps(pid)
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    # proc(5): after the name in parentheses come the state (field 3) and, as field 22, the start time in
    # ticks since boot; the boot's id is needed beside it.
    fields = stat.rpartition(")")[2].split()
    if fields[0] in "ZX":
        return None
    return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}:{fields[19]}"


def last_lines(path: Path, count: int) -> list[str]:
    """Return the last `count` lines of a log that are not empty; none if there is no such file."""
    try:
        with path.open("rb") as log:
            log.seek(max(0, path.stat().st_size - 16_384))
            lines = log.read().decode(errors="replace").splitlines()
    except FileNotFoundError:
        return []
    return [line for line in lines if line.strip()][-count:]


def describe_exit(code: int | None) -> str:
    """Say how a process ended: with an exit code, or by a signal's name."""
    if code is None:
        return "still running"
    return f"exit code {code}" if code >= 0 else f"by {signal.Signals(-code).name}"


def _start_mark_of_ps(pid: int) -> str | None:
    ps = subprocess.run(["ps", "-o", "state=,lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    state, _, started = ps.stdout.strip().partition(" ")
    return None if not state or state.startswith("Z") else started.strip()


def _signal_group(pid: int, number: int) -> None:
    # macOS answers EPERM for a group of which only an unreaped leader is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, number)


@contextlib.contextmanager
def _ignoring_interrupts() -> Iterator[None]:
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, previous)
