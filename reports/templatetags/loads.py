"""The last hop of a data flow's timeline: what the loader wrote to MySQL, or could not."""

from typing import Any

from django import template
from django.db.models import Count, Max, Sum

from dataflows.selectors import DataFlow, registered_reports
from reports.models import LedgerEntry, Quarantine

register = template.Library()

_LATEST = 20


@register.inclusion_tag("reports/loads.html")
def loads(data_flow: DataFlow) -> dict[str, Any]:
    """Show the latest loads of a property, one line for each report of an unload."""
    labels = {report.slug: report.label for report in registered_reports(data_flow)}
    entries = LedgerEntry.objects.filter(property_id=data_flow.property_id).values("run_id", "report_id")
    counted = entries.annotate(days=Count("id"), rows=Sum("row_count"), at=Max("loaded_at"))
    return {"loads": counted.order_by("-at")[:_LATEST], "report_labels": labels}


@register.inclusion_tag("reports/quarantine.html")
def quarantine(data_flow: DataFlow) -> dict[str, Any]:
    """Show the unloads that could not be loaded and hold a report of this data flow."""
    slugs = {request.get("slug") or "custom" for request in data_flow.reports}
    return {"unloads": Quarantine.objects.filter(resolved_at=None, report_table__in=slugs)[:_LATEST]}
