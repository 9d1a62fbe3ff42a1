"""What time it is for a function: that of the event that woke it, and on from there."""

import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta


@dataclass(frozen=True)
class Moment:
    """The aware moment `at` of an event; `now` goes on from it while the event is worked on.

    Dates are taken from `at`, so that a retry days later works on the same days. `now` keeps the order
    of what is answered on the way.
    """

    at: datetime
    _started: float = field(default_factory=time.monotonic, repr=False, compare=False)

    @classmethod
    def parse(cls, text: str) -> "Moment":
        """Return the moment of an envelope's `time` or a schedule's; raises ValueError when it is none."""
        at = datetime.fromisoformat(text)
        return cls(at if at.tzinfo else at.replace(tzinfo=UTC))

    @property
    def now(self) -> datetime:
        """The moment plus the time spent since."""
        return self.at + timedelta(seconds=time.monotonic() - self._started)
