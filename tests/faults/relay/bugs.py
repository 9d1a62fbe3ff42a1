"""Planted bugs: relays that are wrong, to show that the rig finds them. The launcher plants one in a process."""

from collections.abc import Callable, Sequence
from typing import Any, Final
from unittest.mock import patch

from django.conf import settings

from dataflows import outbox, services, tasks
from dataflows.models import OutboxEvent

_TAKEN: Final = {"EventId": "taken"}


def marks_before_publishing() -> None:
    """Mark events as published, then publish them."""
    put = outbox._put

    def marked_put(client: Any, events: Sequence[OutboxEvent]) -> Any:
        outbox._settle_all(events, [_TAKEN] * len(events))
        return put(client, events)

    outbox._put = marked_put


def ignores_failed_entries() -> None:
    """Take an answer of 200 for the success of every entry."""
    put = outbox._put
    outbox._put = lambda client, events: ([_TAKEN] * len(events), put(client, events)[1])


def marks_late() -> None:
    """Mark what was published once everything that is due has been."""

    def relay_due_events() -> int:
        done = []
        while events := outbox._claim(settings.OUTBOX_BATCH_SIZE):
            done.append((events, outbox._put(outbox.event_bridge(), events)[0]))
        for events, results in done:
            outbox._settle_all(events, results)
        return len(done)

    patch.object(tasks, "relay_due_events", relay_due_events).start()


def has_no_lease() -> None:
    """Leave claimed events free for others."""
    settings.OUTBOX_LEASE_SECONDS = 0


def holds_for_ever() -> None:
    """Never give up a lease."""
    settings.OUTBOX_LEASE_SECONDS = 10**6


def publishes_before_the_commit() -> None:
    """Publish in the transaction of the cause, which may not come to be."""
    add = outbox.outbox_add

    def published(**members: Any) -> OutboxEvent:
        event: OutboxEvent = add(**members)
        outbox._put(outbox.event_bridge(), [event])
        return event

    patch.object(services, "outbox_add", published).start()


BUGS: Final[dict[str, Callable[[], None]]] = {
    bug.__name__: bug
    for bug in (
        marks_before_publishing,
        ignores_failed_entries,
        marks_late,
        has_no_lease,
        holds_for_ever,
        publishes_before_the_commit,
    )
}
