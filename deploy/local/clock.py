"""The clock of the emulated services: Google, AppFlow, EventBridge and its scheduler live by it.

MyApp and the Lambdas never read it: they take the time from the event that woke them, or from the
machine. One small file is shared by all local processes, so that they agree on the time.
"""

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class EmulatedClock:
    """Reads and moves the emulated time kept in `path`; without that file it is the real time."""

    path: Path

    def now(self) -> datetime:
        """Return the emulated time, aware, in UTC."""
        try:
            state = json.loads(self.path.read_text())
        except FileNotFoundError:
            return datetime.now(UTC)
        elapsed = (time.time() - state["real_at"]) * state["rate"]
        return datetime.fromtimestamp(state["emulated_at"] + elapsed, UTC)

    def set(self, at: datetime, rate: float = 0.0) -> None:
        """Move the clock to `at`; from there it runs `rate` times as fast as the real one (0: it stands)."""
        state = {"real_at": time.time(), "emulated_at": at.timestamp(), "rate": rate}
        fresh = self.path.with_suffix(f".{os.getpid()}.tmp")
        fresh.write_text(json.dumps(state))
        fresh.replace(self.path)

    def follow_real_time(self) -> None:
        """Go back to the real time."""
        self.path.unlink(missing_ok=True)
