"""Failures a test or a demo asks for."""

from dataclasses import dataclass, field
from threading import Lock


@dataclass
class Faults:
    """What the stand-in is told to get wrong.

    `fail_next_statements` holds error messages: each of the next statements takes one and fails with it
    (transaction control excepted). `is_paused`: nothing runs and nobody can log in.
    """

    fail_next_statements: list[str] = field(default_factory=list)
    is_paused: bool = False
    _lock: Lock = field(default_factory=Lock, repr=False)

    def next_failure(self) -> str | None:
        """Return the message the statement about to run must fail with, or None."""
        if self.is_paused:
            return "The warehouse is paused: resume it and send the statement again."
        with self._lock:
            return self.fail_next_statements.pop(0) if self.fail_next_statements else None
