"""What no queue received: AWS would drop it without a word; here it can be looked up at `/_local/undelivered`."""

import logging
from collections import deque
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

logger = logging.getLogger(__name__)

_KEPT = 1000
_undelivered: deque[dict[str, Any]] = deque(maxlen=_KEPT)


class DeliveryError(Exception):
    """A message its destination did not take; `code` is what EventBridge writes into a dead-letter message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def record_undelivered(source_arn: str, target_arn: str, error: DeliveryError, message: Mapping[str, Any]) -> None:
    """Keep and log a message that is lost; `source_arn` is the rule, bus or bucket it came from."""
    logger.warning("Lost a message of %s for %s: %s: %s", source_arn, target_arn, error.code, error)
    _undelivered.append(
        {
            "at": datetime.now(UTC).isoformat(),
            "source_arn": source_arn,
            "target_arn": target_arn,
            "error_code": error.code,
            "error_message": str(error),
            "message": message,
        }
    )


def list_undelivered() -> list[dict[str, Any]]:
    """Return the lost messages, oldest first; only the last thousand are kept."""
    return list(_undelivered)


def forget_undelivered() -> None:
    """Empty the list."""
    _undelivered.clear()
