"""Faults that tests and the demo can ask of the endpoint, through `POST /_local/faults`.

{"throttle": 2}                          the next two PutEvents calls are refused with ThrottlingException
{"put_events_failed_entries": [1, 0]}    one number a call, as bits: entry 0 of the next call fails, then none
"""

import threading
from dataclasses import dataclass, field
from typing import Any

from deploy.local.aws.service import ServiceError


@dataclass
class Faults:
    """The faults still to come; each is used up by the call it hits."""

    throttle: int = 0
    put_events_failed_entries: list[int] = field(default_factory=list)


_faults = Faults()
_lock = threading.Lock()


def set_faults(wanted: dict[str, Any]) -> None:
    """Replace the faults to come. Raises ServiceError ValidationException when they are not of the form above."""
    throttle = wanted.get("throttle", 0)
    masks = wanted.get("put_events_failed_entries", [])
    is_known = wanted.keys() <= {"throttle", "put_events_failed_entries"}
    if not (is_known and isinstance(throttle, int) and isinstance(masks, list) and all(type(m) is int for m in masks)):
        raise ServiceError(
            "ValidationException", "Faults are {'throttle': count, 'put_events_failed_entries': [bits of one call, …]}."
        )
    with _lock:
        _faults.throttle, _faults.put_events_failed_entries = throttle, list(masks)


def take_throttle() -> bool:
    """Tell whether this call is to be throttled."""
    with _lock:
        _faults.throttle -= 1
        is_throttled = _faults.throttle >= 0
        _faults.throttle = max(_faults.throttle, 0)
        return is_throttled


def take_failed_entries() -> int:
    """Return the bits of the entries that fail in this call."""
    with _lock:
        return _faults.put_events_failed_entries.pop(0) if _faults.put_events_failed_entries else 0
