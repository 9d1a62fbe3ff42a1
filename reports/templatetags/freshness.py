"""How far the data of many properties reaches, in one query for all of them, and what keeps a report's from coming."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django import template
from django.db.models import Max

from dataflows.selectors import DataFlow, DataFlowIncident, registered_reports, unresolved_incidents
from reports.models import Partition

register = template.Library()


@dataclass(frozen=True)
class Reach:
    """The last day that every loaded report of a property has, and how many of its reports are loaded."""

    data_through: date
    loaded: int
    registered: int

    @property
    def is_partial(self) -> bool:
        """Whether some report has no data at all yet."""
        return self.loaded < self.registered


@register.simple_tag
def reach_of(data_flows: Iterable[DataFlow]) -> dict[UUID, Reach]:
    """Return how far each data flow's data reaches, by its id; one of which nothing is loaded is left out."""
    data_flows = list(data_flows)
    loaded = Partition.objects.filter(property_id__in=[data_flow.property_id for data_flow in data_flows])
    latest = loaded.values_list("property_id", "report_id").annotate(latest=Max("date"))
    days = {(property_id, report_id): day for property_id, report_id, day in latest}
    found = {data_flow.id: _reach(data_flow, days) for data_flow in data_flows}
    return {id_: reach for id_, reach in found.items() if reach is not None}


@register.simple_tag
def trouble_of(data_flow: DataFlow, slug: str) -> DataFlowIncident | None:
    """Return what keeps days of a report from being loaded; None while all is well."""
    incidents = unresolved_incidents([data_flow]).get(data_flow.id, [])
    return next((incident for incident in incidents if incident.report == slug), None)


def _reach(data_flow: DataFlow, days: dict[tuple[str, str], date]) -> Reach | None:
    slugs = [report.slug for report in registered_reports(data_flow)]
    known = [days[data_flow.property_id, slug] for slug in slugs if (data_flow.property_id, slug) in days]
    return Reach(min(known), len(known), len(slugs)) if known else None
