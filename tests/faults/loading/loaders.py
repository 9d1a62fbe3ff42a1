"""The rig's side of the line to its loaders, which are processes."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from deploy.local.state import REPOSITORY
from tests.faults.loading.nursery import DIE, GO

STUCK_SECONDS: Final = 90.0


@dataclass(frozen=True)
class Stop:
    """A loader stands at a named point; `lock` is what it locks next, `session` its number at the server."""

    point: str
    lock: str | None
    session: int | None


@dataclass(frozen=True)
class Failure:
    """Why a message is given back: whether the loader takes it to pass, MySQL's number if there is one, all of it."""

    is_transient: bool
    mysql_number: int | None
    told: str


@dataclass(frozen=True)
class Answered:
    """The handler has returned; `failed` are the messages it gives back, and why."""

    failed: Mapping[str, Failure]


@dataclass(frozen=True)
class Died:
    """The process has ended."""


News = Stop | Answered | Died


class LoaderError(Exception):
    """A loader that could not be prepared, or that neither reached a point nor answered."""


class Nursery:
    """The process that loaders are forked from; a context manager."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Prepare one whose handlers see these settings."""
        self._environment = {**environment, "PATH": os.environ.get("PATH", os.defpath)}

    def __enter__(self) -> Self:
        self._control, theirs = socket.socketpair()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.loading.nursery", str(theirs.fileno())],
            cwd=REPOSITORY,
            env={**self._environment, "PYTHONPATH": os.pathsep.join(sys.path)},
            pass_fds=(theirs.fileno(),),
        )
        theirs.close()
        return self

    def __exit__(self, *_: object) -> None:
        self._control.close()
        self._process.wait()

    def loader(self, plant: str | None = None) -> "Loader":
        """Return a new loader, with a planted bug if one is named."""
        ours, theirs = socket.socketpair()
        socket.send_fds(self._control, [b"x"], [theirs.fileno()])
        theirs.close()
        return Loader(ours, plant)


class Loader:
    """A process that handles one event at a time and stops at each named point."""

    def __init__(self, line: socket.socket, plant: str | None) -> None:
        self._line = line
        self._unread = b""
        pid = json.loads(self._read_line(STUCK_SECONDS) or b"{}")["pid"]
        # It waits for the name of its plant, so the pid is its own and the descriptor will never be another's.
        self._process = os.pidfd_open(pid)
        self._send(json.dumps({"plant": plant}))
        if not self._read_line(STUCK_SECONDS):
            raise LoaderError(f"A loader could not be prepared with the plant {plant!r}.")

    def fileno(self) -> int:
        """Let `select` wait for news."""
        return self._line.fileno()

    def begin(self, event: dict[str, Any], settings: Mapping[str, str]) -> None:
        """Have an event handled with these settings; the next news is the first point."""
        self._send(json.dumps({"event": event, "settings": dict(settings)}))

    def go_on(self) -> None:
        """Leave the point it stands at."""
        self._send(GO)

    def die(self) -> None:
        """Have it killed at the point it stands at."""
        self._send(DIE)

    def kill(self) -> None:
        """Kill it wherever it is."""
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            signal.pidfd_send_signal(self._process, signal.SIGKILL)

    def news(self, seconds: float = STUCK_SECONDS) -> News | None:
        """Return what it says next, or None if it says nothing for so long."""
        line = self._read_line(seconds)
        if line is None:
            return None
        if not line:
            return Died()
        told = json.loads(line)
        if "failed" not in told:
            return Stop(**told)
        return Answered({message: Failure(**why) for message, why in told["failed"].items()})

    def expect_news(self) -> News:
        """Return what it says next.

        Raises LoaderError when it says nothing for longer than any load takes.
        """
        news = self.news()
        if news is None:
            raise LoaderError(f"A loader has said nothing for {STUCK_SECONDS:.0f} s.")
        return news

    def expect_death(self) -> None:
        """Wait until the process has ended, whatever it still says."""
        while not isinstance(self.expect_news(), Died):
            pass

    def close(self) -> None:
        """End it, and give its descriptors back."""
        self.kill()
        self._line.close()
        os.close(self._process)

    def _send(self, text: str) -> None:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # one that has ended is told of by `news`
            self._line.sendall(text.encode() + b"\n")

    def _read_line(self, seconds: float) -> bytes | None:
        """Return a line, nothing if the process has ended, or None if none came in time."""
        while b"\n" not in self._unread:
            if not self._unread and not select.select([self._line], [], [], seconds)[0]:
                return None
            received = self._received()
            if not received:
                return b""
            self._unread += received
        line, self._unread = self._unread.split(b"\n", 1)
        return line

    def _received(self) -> bytes:
        try:
            return self._line.recv(65_536)
        except ConnectionResetError:
            return b""
