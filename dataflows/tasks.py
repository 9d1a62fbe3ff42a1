"""What Celery runs. Tasks carry no payload: each drains a table, so losing one loses nothing."""

from typing import Final

from celery import current_app, shared_task
from kombu.pools import producers

from dataflows.outbox import outbox_repeat_unanswered, relay_due_events

# A worker must not give up on a broker so soon: it would hold what it could not acknowledge, and take no more.
_IMPATIENT: Final = {"socket_connect_timeout": 2, "socket_timeout": 3, "max_retries": 0}


def relay_soon() -> None:
    """Have the outbox drained at once. Raises kombu's OperationalError, within seconds, when the broker is away."""
    connection = current_app.connection_for_write(transport_options=_IMPATIENT)
    with producers[connection].acquire(block=True) as producer:  # from a pool: connecting takes longer than telling
        relay_outbox.apply_async(producer=producer, retry=False)


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def relay_outbox() -> int:
    """Publish the outbox's due events; return how many were taken."""
    return relay_due_events()


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def repeat_unanswered() -> int:
    """Ask Account 2 again for what it has not answered; return how many events are due again."""
    return outbox_repeat_unanswered()
