"""Kills a process of MyApp's while it publishes: by SIGKILL, at a line of code drawn at random.

A window is a stretch of production code. The tests' launcher puts the windows around production functions in the
processes it starts; nothing that ships knows of them. A window kills only when the test has armed it, by a file in a
folder that both know, and the file serves once.

telling     in the application: from the commit of a registration until the broker has been told
claiming    in the worker: until the claim of due events is committed
claimed     from there until the call to EventBridge is sent
calling     while EventBridge has the call
published   from its answer until the events are marked
"""

import contextlib
import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Final, Literal

from botocore.httpsession import URLLib3Session
from django.db import transaction

from dataflows import outbox, services
from dataflows.models import OutboxEvent

Window = Literal["telling", "claiming", "claimed", "calling", "published"]
Victim = Literal["process", "parent", "both"]  # the one that publishes, the worker above it, or both

MEASURE: Final = 10**9  # lines: more than any window has, so nobody dies and its length is told
_ARMED, _RECORDS = "armed.json", "records.jsonl"


@dataclass(frozen=True)
class Kill:
    """What a test asks for: who is to die, in which window, at the line of which number."""

    window: Window
    line: int
    victim: Victim = "process"


@dataclass(frozen=True)
class Record:
    """What came of it: where the process was when somebody died, or, without a place, how long the window was."""

    window: Window
    lines: int
    place: str | None
    at: float


class Windows:
    """The windows of one process; `folder` is where they are armed and tell of what they did."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._open: Kill | None = None
        self._lines = 0
        self._is_first_attempt = False

    def install(self) -> None:
        """Put the windows around the production functions, for this process and all it forks."""
        outbox._claim = self._around_claim(outbox._claim)
        outbox._settle_all = self._around_settling(outbox._settle_all)
        services._relay_after_commit = self._around_telling(services._relay_after_commit)
        URLLib3Session.send = self._around_call(URLLib3Session.send)  # type: ignore[method-assign]

    def _around_telling(self, tell: Any) -> Any:
        def around() -> None:
            transaction.on_commit(lambda: self._enter("telling"))
            tell()
            transaction.on_commit(lambda: self._leave("telling"))

        return around

    def _around_claim(self, claim: Any) -> Any:
        def around(limit: int) -> Any:
            if OutboxEvent.objects.filter(state=OutboxEvent.State.QUEUED, attempts=0).exists():
                self._enter("claiming")
            events = claim(limit)
            self._leave("claiming")
            # Those that come a second time have had their death.
            self._is_first_attempt = bool(events) and all(event.attempts == 1 for event in events)
            self._enter("claimed")
            return events

        return around

    def _around_call(self, send: Any) -> Any:
        def around(session: URLLib3Session, request: Any) -> Any:
            self._leave("claimed")
            self._enter("calling")
            answer = send(session, request)
            self._leave("calling")
            self._enter("published")
            return answer

        return around

    def _around_settling(self, settle: Any) -> Any:
        def around(*arguments: Any) -> None:
            settle(*arguments)
            self._leave("published")

        return around

    def _enter(self, window: Window) -> None:
        if window in ("claimed", "calling", "published") and not self._is_first_attempt:
            return
        if kill := take_armed(self._folder, window):
            self._open, self._lines = kill, 0
            sys.settrace(self._trace)

    def _leave(self, window: Window) -> None:
        if self._open and self._open.window == window:
            sys.settrace(None)
            self._tell(None)
            self._open = None

    def _trace(self, frame: FrameType, event: str, _argument: object) -> Any:
        if self._open and event == "line":
            self._lines += 1
            if self._lines >= self._open.line:
                self._kill(frame)
        return self._trace

    def _kill(self, frame: FrameType) -> None:
        sys.settrace(None)
        victim = self._open.victim if self._open else "process"
        self._tell(f"{frame.f_code.co_filename}:{frame.f_lineno}")
        self._open = None
        if victim in ("parent", "both"):
            os.kill(os.getppid(), signal.SIGKILL)
        if victim in ("process", "both"):
            os.kill(os.getpid(), signal.SIGKILL)

    def _tell(self, place: str | None) -> None:
        if self._open:
            record = Record(self._open.window, self._lines, place, time.time())
            with (self._folder / _RECORDS).open("a") as records:
                records.write(json.dumps(asdict(record)) + "\n")


def arm(folder: Path, kill: Kill) -> None:
    """Let the next process that comes through the window die there."""
    fresh = folder / "arming.json"
    fresh.write_text(json.dumps(asdict(kill)))
    fresh.replace(folder / _ARMED)


def take_armed(folder: Path, window: Window) -> Kill | None:
    """Return what was armed, if it was for this window; nobody else gets it."""
    with contextlib.suppress(FileNotFoundError):
        kill = Kill(**json.loads((folder / _ARMED).read_text()))
        if kill.window == window:
            (folder / _ARMED).unlink()
            return kill
    return None


def records(folder: Path) -> list[Record]:
    """Return what came of all that was armed, in that order."""
    path = folder / _RECORDS
    return [Record(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []
