"""Failures that a test or a demo asks of AppFlow.

{"drop_events": 2}                                        the next two events are never sent
{"fail_runs": 1, "fail_message": "Connection reset"}      the next run ends with this error
{"partial_put_failures": 3}                               the next three rows to be delivered fail
{"refuse_updates": 1}                                     the next active flow to be updated must be stopped first
"""

from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import json_answer
from deploy.local.scheduler.service_model import json_object, validation_error

_COUNTS: Final = ("drop_events", "fail_runs", "partial_put_failures", "refuse_updates")
_DEFAULT_MESSAGE: Final = "The connector failed because somebody asked for it."


@dataclass
class AppFlowFaults:
    """What is still to go wrong; each count is used up by what it hits."""

    drop_events: int = 0
    fail_runs: int = 0
    fail_message: str = _DEFAULT_MESSAGE
    partial_put_failures: int = 0
    refuse_updates: int = 0
    _lock: Lock = field(default_factory=Lock, repr=False)

    def handle_local(self, request: Request) -> Response:
        """Replace the faults by those in a request's JSON body. Raises ServiceError ValidationException."""
        try:
            wanted = json_object(request.get_data())
        except ValueError as error:
            raise validation_error("The body must be a JSON object.") from error
        counts = [wanted.get(name, 0) for name in _COUNTS]
        message = wanted.get("fail_message", _DEFAULT_MESSAGE)
        is_known = wanted.keys() <= {*_COUNTS, "fail_message"} and isinstance(message, str)
        if not is_known or any(type(count) is not int or count < 0 for count in counts):
            raise validation_error(f"Faults are counts ({', '.join(_COUNTS)}) and a fail_message.")
        with self._lock:
            self.drop_events, self.fail_runs, self.partial_put_failures, self.refuse_updates = counts
            self.fail_message = message
        return json_answer({})

    def take_dropped_event(self) -> bool:
        """Tell whether the event about to be sent is lost."""
        with self._lock:
            is_dropped = self.drop_events > 0
            self.drop_events -= is_dropped
            return is_dropped

    def take_failure(self) -> str | None:
        """Return the message the run that begins must fail with, or None."""
        with self._lock:
            is_failed = self.fail_runs > 0
            self.fail_runs -= is_failed
            return self.fail_message if is_failed else None

    def take_refused_update(self) -> bool:
        """Tell whether the update of an active flow that is asked for is refused."""
        with self._lock:
            is_refused = self.refuse_updates > 0
            self.refuse_updates -= is_refused
            return is_refused

    def take_put_failure(self) -> bool:
        """Tell whether the row about to be delivered fails."""
        if not self.partial_put_failures:
            return False
        with self._lock:
            is_failed = self.partial_put_failures > 0
            self.partial_put_failures -= is_failed
            return is_failed
