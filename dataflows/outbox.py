"""Station 2: hands events from the outbox table to EventBridge, each at least once.

The table is the record: a task carries no payload, it drains what is due. Rows are claimed with a
lease, so a relay that dies holding some loses nothing: they are due again when the lease ends.
"""

import logging
import random
import uuid
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone

from dataflows.contracts.events import MYAPP_SOURCE, RegisterDataFlow, RunDataFlow, Station
from dataflows.models import DataFlow, OutboxEvent, TimelineEntry
from dataflows.tracing import ids_at, logged_with

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

logger = logging.getLogger(__name__)

_FIRST_RETRY_SECONDS: Final = 2
_LONGEST_RETRY_SECONDS: Final = 40  # once EventBridge takes events again, all are there within a minute
_MOST_BYTES: Final = 240 * 1024  # of the details of one call: EventBridge takes 256 KB with what is around them
_OWN_STEPS: Final = (
    DataFlow.Status.QUEUED,
    DataFlow.Status.PUBLISHED,
    DataFlow.Status.RETRYING,
    DataFlow.Status.UNDELIVERED,
)
_CALL: Final = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1})


def outbox_add(*, data_flow: DataFlow, event: RegisterDataFlow | RunDataFlow) -> OutboxEvent:
    """Write an event down in the caller's transaction, to be published once that is committed."""
    written = OutboxEvent.objects.create(
        event_id=event.event_id,
        data_flow=data_flow,
        revision=data_flow.revision,
        correlation_id=event.correlation_id,
        detail_type=type(event).__name__,
        detail=event.model_dump_json(),
        next_attempt_at=timezone.now(),
    )
    with logged_with(**ids_at(Station.SUBMIT, written)):
        logger.info("%s was asked for", written.detail_type)
    return written


def relay_due_events() -> int:
    """Publish all events that are due, ten a call; return how many EventBridge took."""
    published = 0
    while events := _claim(settings.OUTBOX_BATCH_SIZE):
        results, is_reached = _put(event_bridge(), events)
        _settle_all(events, results)
        published += sum("EventId" in result for result in results)
        if not is_reached:
            break  # each call would wait its seconds out: the others are tried by the next sweep
    return published


@cache
def event_bridge() -> "EventBridgeClient":
    """Return this process's client, made when it is first needed: making one takes longer than a call."""
    return boto3.client("events", config=_CALL)


def outbox_repeat_unanswered() -> int:
    """Make events due again that were published long ago and never answered; return how many.

    Delivery between the accounts may lose one in the end, and its receiver takes the same event twice
    for one: so asking again is safe.
    """
    now = timezone.now()
    waiting = DataFlow.objects.exclude(status__in=DataFlow.SETTLED).values("id")
    unanswered = OutboxEvent.objects.filter(
        state=OutboxEvent.State.PUBLISHED,
        detail_type=RegisterDataFlow.__name__,
        published_at__lt=now - timedelta(seconds=settings.OUTBOX_ANSWER_SECONDS),
        revision=F("data_flow__revision"),
        data_flow__in=waiting,
    )
    return unanswered.update(state=OutboxEvent.State.QUEUED, attempts=0, next_attempt_at=now)


def _claim(limit: int) -> list[OutboxEvent]:
    """Lease the oldest due events; rows that another relay is claiming right now are passed over."""
    now = timezone.now()
    is_free = Q(claimed_until=None) | Q(claimed_until__lt=now)
    due = OutboxEvent.objects.filter(is_free, state=OutboxEvent.State.QUEUED, next_attempt_at__lte=now)
    lease, until = uuid.uuid4(), now + timedelta(seconds=settings.OUTBOX_LEASE_SECONDS)
    with transaction.atomic():
        events = _fitting(due.order_by("created_at").select_for_update(skip_locked=True)[:limit])
        claimed = OutboxEvent.objects.filter(pk__in=[event.pk for event in events])
        claimed.update(claimed_by=lease, claimed_until=until, attempts=F("attempts") + 1)
    for event in events:
        event.claimed_by, event.attempts = lease, event.attempts + 1
    return events


def _fitting(events: Iterable[OutboxEvent]) -> list[OutboxEvent]:
    """Return the first of the events: those that go into one call, which is refused as a whole if it is too large."""
    chosen: list[OutboxEvent] = []
    size_bytes = 0
    for event in events:
        size_bytes += len(event.detail.encode())
        if size_bytes > _MOST_BYTES and chosen:
            break
        chosen.append(event)
    return chosen


def _put(client: "EventBridgeClient", events: Sequence[OutboxEvent]) -> tuple[list[dict[str, Any]], bool]:
    """Return EventBridge's result for each event, and whether it answered at all."""
    try:
        answer = client.put_events(Entries=[bus_entry(event.detail_type, event.detail) for event in events])
    except (BotoCoreError, ClientError) as error:
        return [{"ErrorMessage": str(error)}] * len(events), isinstance(error, ClientError)
    return [dict(result) for result in answer["Entries"]], True


def bus_entry(detail_type: str, detail: str) -> Any:
    """Return an event, its detail as JSON, as PutEvents takes it to MyApp's bus."""
    return {
        "EventBusName": settings.EVENT_BUS_NAME,
        "Source": MYAPP_SOURCE,
        "DetailType": detail_type,
        "Detail": detail,
    }


@transaction.atomic
def _settle_all(events: Sequence[OutboxEvent], results: Sequence[dict[str, Any]]) -> None:
    # In the data flows' order, as every relay does it: two that settle at once can't wait for each other.
    for event, result in sorted(zip(events, results, strict=True), key=lambda pair: pair[0].data_flow_id):
        with logged_with(**ids_at(Station.PUBLISH, event)):
            _settle(event, result)


def _settle(event: OutboxEvent, result: dict[str, Any]) -> None:
    if "EventId" in result:
        _settle_success(event, result["EventId"])
    else:
        _settle_failure(event, ": ".join(result[name] for name in ("ErrorCode", "ErrorMessage") if name in result))


def _settle_success(event: OutboxEvent, aws_event_id: str) -> None:
    logger.info("%s was published as %s", event.detail_type, aws_event_id)
    now = timezone.now()
    if _release(event, state=OutboxEvent.State.PUBLISHED, published_at=now, aws_event_id=aws_event_id, last_error=""):
        _show(event, DataFlow.Status.PUBLISHED, "", now)


def _settle_failure(event: OutboxEvent, error: str) -> None:
    logger.warning("event %s was not taken (attempt %d): %s", event.event_id, event.attempts, error)
    now = timezone.now()
    has_given_up = event.attempts >= settings.OUTBOX_MAX_ATTEMPTS
    state = OutboxEvent.State.GIVEN_UP if has_given_up else OutboxEvent.State.QUEUED
    status = DataFlow.Status.UNDELIVERED if has_given_up else DataFlow.Status.RETRYING
    if _release(event, state=state, next_attempt_at=now + _pause(event.attempts), last_error=error):
        _show(event, status, _words(event, has_given_up=has_given_up), now)


def _release(event: OutboxEvent, **changes: Any) -> bool:
    """Give a claimed event back with its changes; False when its lease ended and another relay has it."""
    ours = OutboxEvent.objects.filter(event_id=event.event_id, claimed_by=event.claimed_by)
    return bool(ours.update(claimed_by=None, claimed_until=None, **changes))


def _pause(attempts: int) -> timedelta:
    """Return how long to wait after so many attempts: doubling, with a quarter of it at random."""
    seconds = min(_FIRST_RETRY_SECONDS * 2 ** min(attempts - 1, 10), _LONGEST_RETRY_SECONDS)
    return timedelta(seconds=seconds * random.uniform(1, 1.25))  # noqa: S311 - spreads retries, guards nothing


def _words(event: OutboxEvent, *, has_given_up: bool) -> str:
    if has_given_up:
        return f"EventBridge did not take the event in {event.attempts} attempts. Press Send again once it can."
    return f"EventBridge has not taken the event yet ({event.attempts} attempts); it is tried again by itself."


def _show(event: OutboxEvent, status: DataFlow.Status, message: str, at: datetime) -> None:
    """Tell the operator, unless a later revision is asked for or Account 2's answer is already there."""
    if event.detail_type == RegisterDataFlow.__name__:
        DataFlow.objects.filter(id=event.data_flow_id, revision=event.revision, status__in=_OWN_STEPS).update(
            status=status, status_message=message, status_changed_at=at
        )
    if status in (DataFlow.Status.PUBLISHED, DataFlow.Status.UNDELIVERED):
        TimelineEntry.objects.create(
            data_flow_id=event.data_flow_id,
            correlation_id=event.correlation_id,
            station=Station.PUBLISH,
            status=status,
            message=message,
            occurred_at=at,
        )
