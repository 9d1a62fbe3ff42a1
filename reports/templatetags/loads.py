"""The last hop of a data flow's timeline: what the loader wrote to MySQL, or could not."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from django import template
from django.conf import settings
from django.db.models import Count, Max, Sum

from dataflows.contracts.events import Station
from dataflows.selectors import DataFlow, Journey, TimelineEntry
from reports.models import LedgerEntry
from reports.selectors import quarantined_unloads

register = template.Library()

_LATEST: Final = 20
# The answer that says "unloaded" travels by other queues than the files, and may be here after they are loaded.
_ANSWER_DELAY: Final = timedelta(seconds=5)


@register.simple_tag
def with_loads(data_flow: DataFlow, journeys: Sequence[Journey]) -> list[Journey]:
    """Return a data flow's journeys with their last hop added: a load for each report of an unload."""
    loads = _loads(data_flow, [journey.correlation_id for journey in journeys])
    return [_merged(data_flow, journey, loads.get(journey.correlation_id, ())) for journey in journeys]


def _loads(data_flow: DataFlow, correlation_ids: Iterable[UUID]) -> dict[UUID | None, list[Mapping[str, Any]]]:
    """Return what the ledger says of each request, in the order of time."""
    entries = LedgerEntry.objects.filter(property_id=data_flow.property_id, correlation_id__in=correlation_ids)
    unloads = entries.values("correlation_id", "report_id", "run_id")
    found: dict[UUID | None, list[Mapping[str, Any]]] = {}
    for load in unloads.annotate(days=Count("id"), rows=Sum("row_count"), at=Max("loaded_at")).order_by("at"):
        found.setdefault(load["correlation_id"], []).append(load)
    return found


def _merged(data_flow: DataFlow, journey: Journey, loads: Iterable[Mapping[str, Any]]) -> Journey:
    hops = (_hop(data_flow, journey.correlation_id, load) for load in loads)
    return replace(journey, entries=sorted([*journey.entries, *hops], key=_place))


def _hop(data_flow: DataFlow, correlation_id: UUID, load: Mapping[str, Any]) -> TimelineEntry:
    """Return a load as the timeline says it; nothing is saved, the ledger has it."""
    return TimelineEntry(
        data_flow=data_flow,
        correlation_id=correlation_id,
        station=Station.UPSERT,
        status="loaded",
        report=load["report_id"],
        rows=load["rows"],
        message="of 1 day" if load["days"] == 1 else f"of {load['days']:,} days",
        occurred_at=load["at"],
        recorded_at=load["at"],
    )


def _place(entry: TimelineEntry) -> datetime:
    """Return the moment by which an entry is put in order: when MyApp got to know of it."""
    return entry.recorded_at + _ANSWER_DELAY if entry.station == Station.UPSERT else entry.recorded_at


@register.inclusion_tag("reports/quarantine.html")
def quarantine(data_flow: DataFlow) -> dict[str, Any]:
    """Show the unloads that could not be loaded and hold a report of this data flow."""
    unloads = list(quarantined_unloads(data_flow)[: _LATEST + 1])
    return {
        "data_flow": data_flow,
        "unloads": unloads[:_LATEST],
        "has_older": len(unloads) > _LATEST,
        "can_load_again": bool(settings.UPSERT_QUEUE_URL),
    }
