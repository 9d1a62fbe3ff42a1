"""How long a function may still work: what it has no time for is left to the next sweep, not cut in the middle."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from aws_lambda_powertools.utilities.typing import LambdaContext

_REST: Final = timedelta(seconds=45)  # to tell what was decided, to start runs, and to have tables refreshed
_END: Final = timedelta(seconds=10)


@dataclass(frozen=True)
class Deadline:
    """When Lambda ends the function that works."""

    remaining_millis: Callable[[], int]

    @classmethod
    def of(cls, context: LambdaContext) -> "Deadline":
        """Return that of the invocation whose context it is."""
        return cls(context.get_remaining_time_in_millis)

    def is_near(self) -> bool:
        """Return whether looking and deciding must end now: what follows from it takes its time as well."""
        return self._is_within(_REST)

    def is_here(self) -> bool:
        """Return whether nothing more may be begun."""
        return self._is_within(_END)

    def _is_within(self, time: timedelta) -> bool:
        return self.remaining_millis() < time / timedelta(milliseconds=1)
