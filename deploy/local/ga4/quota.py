"""Google's quotas of a standard property; a request is refused when one of them is used up."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Lock
from typing import Any, Final
from zoneinfo import ZoneInfo

from deploy.local.ga4.errors import GoogleApiError

TOKENS_PER_DAY: Final = 200_000
TOKENS_PER_HOUR: Final = 40_000
CONCURRENT_REQUESTS: Final = 10
_GOOGLES_TIME_ZONE: Final = ZoneInfo("America/Los_Angeles")  # where Google's quota days begin


@dataclass
class PropertyQuota:
    """What is left of one property's quotas; refilled every hour and every day of the emulated clock."""

    tokens_per_day: int = TOKENS_PER_DAY
    tokens_per_hour: int = TOKENS_PER_HOUR
    running: int = 0
    _day: str = ""
    _hour: str = ""
    _lock: Lock = field(default_factory=Lock, repr=False)

    @contextmanager
    def request(self, now: datetime) -> Iterator[None]:
        """Hold one of the concurrent requests.

        Raises GoogleApiError (RESOURCE_EXHAUSTED) when all are held or no tokens are left.
        """
        with self._lock:
            self._refill(now)
            self._refuse_if_exhausted()
            self.running += 1
        try:
            yield
        finally:
            with self._lock:
                self.running -= 1

    def charge(self, tokens: int) -> dict[str, Any]:
        """Take the tokens one request cost; return its PropertyQuota message."""
        with self._lock:
            self.tokens_per_day = max(self.tokens_per_day - tokens, 0)
            self.tokens_per_hour = max(self.tokens_per_hour - tokens, 0)
            return {
                "tokensPerDay": {"consumed": tokens, "remaining": self.tokens_per_day},
                "tokensPerHour": {"consumed": tokens, "remaining": self.tokens_per_hour},
                "concurrentRequests": {"consumed": 0, "remaining": CONCURRENT_REQUESTS - self.running},
                "serverErrorsPerProjectPerHour": {"consumed": 0, "remaining": 10},
                "potentiallyThresholdedRequestsPerHour": {"consumed": 0, "remaining": 120},
            }

    def set_remaining(self, now: datetime, tokens: int) -> None:
        """Leave this many tokens until the hour and the day end."""
        with self._lock:
            self._refill(now)
            self.tokens_per_day = self.tokens_per_hour = tokens

    def _refill(self, now: datetime) -> None:
        local = now.astimezone(_GOOGLES_TIME_ZONE)
        if self._day != (day := f"{local:%Y%m%d}"):
            self._day, self.tokens_per_day = day, TOKENS_PER_DAY
        if self._hour != (hour := f"{now:%Y%m%d%H}"):
            self._hour, self.tokens_per_hour = hour, TOKENS_PER_HOUR

    def _refuse_if_exhausted(self) -> None:
        for name, remaining in (
            ("concurrent requests", CONCURRENT_REQUESTS - self.running),
            ("property tokens per day", self.tokens_per_day),
            ("property tokens per hour", self.tokens_per_hour),
        ):
            if remaining <= 0:
                raise GoogleApiError(
                    "RESOURCE_EXHAUSTED",
                    f"Exhausted {name} quota. Please retry later. To learn more, see "
                    "https://developers.google.com/analytics/devguides/reporting/data/v1/quotas",
                )


def token_cost(row_count: int, field_count: int) -> int:
    """Return what a report costs: Google's cost grows with rows and fields; its formula is not published."""
    return 1 + field_count // 4 + row_count // 5_000
