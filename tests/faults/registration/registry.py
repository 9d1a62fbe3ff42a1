"""MyApp's registry as far as these tests need it: what an operator asked for, and what they are shown of it."""

import json
from collections.abc import Iterable
from datetime import date

from django.contrib.auth.models import User

from dataflows.answers import answer_parse, answer_record
from dataflows.contracts.events import RegisterDataFlow
from dataflows.models import DataFlow, TimelineEntry
from tests.warehouse.account import Account2

Shown = tuple[str, str, int]  # status in the pages' words, message, the revision it speaks of


def ask(*events: RegisterDataFlow) -> None:
    """Let MyApp have published these events, one data flow's in the order of their revisions."""
    user, _ = User.objects.get_or_create(username="operator")
    for event in sorted(events, key=lambda event: event.revision):
        values = {
            **event.property.model_dump(),
            "connector_profile": event.connector_profile,
            "start_date": date(2026, 1, 1),
            "lookback_days": event.lookback_days,
            "refresh_hour_local": event.refresh_hour_local,
            "reports": [],
            "desired_state": event.state,
            "revision": event.revision,
            "status": DataFlow.Status.PUBLISHED,
            "status_revision": event.revision,
            "created_by": user,
        }
        DataFlow.objects.update_or_create(id=event.data_flow_id, defaults=values)


def hear(account: Account2) -> None:
    """Let MyApp take all that Account 2 has answered."""
    for answer in account.answer_events():
        answer_record(answer_parse(json.dumps(answer)))


def shown(event: RegisterDataFlow) -> Shown:
    """Return what an operator is shown of the event's data flow."""
    data_flow = DataFlow.objects.get(id=event.data_flow_id)
    return data_flow.get_status_display(), data_flow.status_message, data_flow.status_revision


def timeline(event: RegisterDataFlow) -> list[str]:
    """Return the statuses on the timeline of the event's data flow, in the order of the alphabet."""
    return sorted(TimelineEntry.objects.filter(data_flow=event.data_flow_id).values_list("status", flat=True))


def failures(events: Iterable[RegisterDataFlow]) -> list[str]:
    """Return what the timelines of the events' data flows say of failures."""
    ids = {event.data_flow_id for event in events}
    found = TimelineEntry.objects.filter(data_flow__in=ids, status="failed")
    return [entry.message for entry in found]
