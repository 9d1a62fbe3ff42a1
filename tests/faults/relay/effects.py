"""What arrived on the bus, carried on: to Account 2's registration, and its answers back to MyApp."""

import json
import random
from collections import Counter
from typing import Any, Final

from dataflows.answers import answer_parse, answer_record
from dataflows.models import DataFlow, TimelineEntry
from tests.faults.relay.relaying import Deliveries
from tests.warehouse.account import Account2

_STEPS: Final = (
    ("submit", "queued"),
    ("publish", "published"),
    ("forward", "received"),
    ("register", "schema_ready"),
    ("register", "flows_created"),
    ("register", "active"),
)


def carry_on(account: Account2, deliveries: Deliveries, randomly: random.Random) -> None:
    """Let Account 2 take every delivery, in any order, and MyApp every answer; nothing may fail."""
    envelopes = [envelope for arrived in deliveries.values() for envelope in arrived]
    randomly.shuffle(envelopes)
    account.services.google.add_properties({_property_of(envelope) for envelope in envelopes})
    assert account.call("register_data_flow", *envelopes) == []
    for answer in account.answer_events():
        answer_record(answer_parse(json.dumps(answer)))


def most_repeated(deliveries: Deliveries, number: int) -> Deliveries:
    """Return so many of the events, those that arrived most often."""
    chosen = sorted(deliveries, key=lambda event_id: -len(deliveries[event_id]))[:number]
    return {event_id: deliveries[event_id] for event_id in chosen}


def check_one_effect(account: Account2, deliveries: Deliveries) -> None:
    """Check that every event had its effect, and had it once: in Account 2 and in what the operator sees."""
    property_ids = {_property_of(arrived[0]) for arrived in deliveries.values()}
    assert account.flows() == {f"ga4-{property_id}-daily_totals": "Active" for property_id in property_ids}
    registered = account.rows("SELECT property_id, revision, step FROM ga4_ops.data_flows")
    assert sorted(row["property_id"] for row in registered) == sorted(property_ids)
    assert {(row["revision"], row["step"]) for row in registered} == {(1, "done")}
    data_flows = DataFlow.objects.filter(property_id__in=property_ids)
    assert {data_flow.get_status_display() for data_flow in data_flows} == {"Active"}
    told = TimelineEntry.objects.filter(data_flow__in=data_flows).values_list("station", "status")
    assert Counter(told) == dict.fromkeys(_STEPS, len(property_ids))


def _property_of(envelope: dict[str, Any]) -> str:
    return str(envelope["detail"]["property"]["property_id"])
