"""The queue in front of the loader: at least once, in any order, back after a failure, dead after five."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, Final
from urllib.parse import quote

from tests.faults.loading.plan import Arrival

MAX_RECEIVES: Final = 5  # fewer than the template's, so that some messages come to it


@dataclass
class Message:
    """A notification that an unload is there."""

    arrival: Arrival
    received: int = 0

    @property
    def is_deadly(self) -> bool:
        """Whether whoever works on it dies; no longer once it was a dead letter."""
        return self.arrival.is_poison and self.received <= MAX_RECEIVES


class Messages:
    """What has not been handled yet; `lost` are those that nothing helped."""

    def __init__(self, arrivals: Sequence[Arrival], rng: Random) -> None:
        """Deliver the arrivals in their order."""
        self._waiting = [Message(arrival) for arrival in arrivals]
        self._dead: list[Message] = []
        self._rng = rng
        self.is_redriven = False
        self.lost: list[Message] = []

    def receive(self) -> list[Message]:
        """Take the next message, seldom two; when there are none, what are dead letters by then is sent once more."""
        if not self._waiting and self._dead:
            self._waiting, self._dead, self.is_redriven = self._dead, [], True
        taken = [self._waiting.pop(0) for _ in range(2 if self._rng.random() < 0.05 else 1) if self._waiting]
        for message in taken:
            message.received += 1
        return taken

    def give_back(self, message: Message) -> None:
        """Let a message be received again, a little later; after five times it is a dead letter, which is sent once."""
        if message.received % MAX_RECEIVES:
            self._waiting.insert(self._rng.randrange(0, 3), message)
        elif message.received == MAX_RECEIVES:
            self._dead.append(message)
        else:
            self.lost.append(message)


def sqs_event(manifest_keys: Sequence[str]) -> dict[str, Any]:
    """Return what Lambda hands the loader: one S3 notification a message, whose id is its place."""
    return {"Records": [_record(str(place), key) for place, key in enumerate(manifest_keys)]}


def _record(message_id: str, manifest_key: str) -> dict[str, Any]:
    attributes = {"ApproximateReceiveCount": "1"}
    notification = {"Records": [{"s3": {"object": {"key": quote(manifest_key)}}}]}
    body = json.dumps(notification)
    return {
        "messageId": message_id,
        "receiptHandle": "x",
        "body": body,
        "eventSource": "aws:sqs",
        "attributes": attributes,
    }
