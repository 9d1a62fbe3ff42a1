"""What is due by a clock that others move: forward in leaps, or back."""

from datetime import UTC, datetime, timedelta
from typing import Final

from deploy.local.scheduler.expressions import Recurrence

_END_OF_TIME: Final = datetime(2200, 1, 1, tzinfo=UTC)
_HORIZON: Final = timedelta(days=400)


class Timetable:
    """Hands out each due moment of a recurrence once, in order, from just after `since` up to `end_at`."""

    def __init__(self, recurrence: Recurrence, since: datetime, end_at: datetime | None = None) -> None:
        self._recurrence = recurrence
        self._end_at = end_at or _END_OF_TIME
        self._searched_until = since
        self._last_now = since
        self._next: datetime | None = self._after(since)

    def take_due(self, now: datetime) -> list[datetime]:
        """Return what came due since the last call; nothing that was due before the clock was set back."""
        if now < self._last_now:
            self._next = self._after(now)
        self._last_now = now
        due = []
        while self._next is not None and self._next <= now:
            due.append(self._next)
            self._next = self._after(self._next)
        if self._next is None and now >= self._searched_until:
            self._next = self._after(now)
        return due

    def is_over(self, now: datetime) -> bool:
        """Tell whether nothing can come due any more."""
        return self._next is None and (now >= self._end_at or self._after(now) is None)

    def _after(self, moment: datetime) -> datetime | None:
        # A cron expression may name days that are years away, or none: the search goes on when the time has come.
        self._searched_until = min(moment + _HORIZON, self._end_at)
        return next(iter(self._recurrence.between(moment, self._searched_until)), None)
