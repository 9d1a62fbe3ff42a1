"""What Celery runs. Tasks carry no payload: each drains a table, so losing one loses nothing."""

from celery import shared_task

from dataflows.outbox import outbox_repeat_unanswered, relay_due_events


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def relay_outbox() -> int:
    """Publish the outbox's due events; return how many were taken."""
    return relay_due_events()


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def repeat_unanswered() -> int:
    """Ask Account 2 again for what it has not answered; return how many events are due again."""
    return outbox_repeat_unanswered()
