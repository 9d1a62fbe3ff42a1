"""The report pages: the overview of a property, and each of its reports as a table."""

import logging
from collections.abc import Callable
from datetime import date
from functools import wraps
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from dataflows.contracts.errors import TransientError
from dataflows.contracts.events import Station
from dataflows.selectors import DataFlow, can_register, readable_data_flows, registered_reports
from reports.charts import NARROW, WIDE, ChartDay, LineChart, line_chart, sparkline
from reports.errors import SlowQueryError
from reports.overview import Card, Overview, overview_of
from reports.ranges import DEFAULT_PRESET, PRESETS, DateRange, RangeError, custom_range, last_day, preset_range
from reports.reloading import quarantine_load_again
from reports.selectors import freshness, quarantined_unloads
from reports.tables import report_page

logger = logging.getLogger(__name__)

OVERVIEW = "daily_totals"


@login_not_required
@require_GET
def live(_: HttpRequest) -> JsonResponse:
    """Tell a load balancer that this process answers. Not more: a database that is away must not cost the hosts too."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_GET
def health(_: HttpRequest) -> JsonResponse:
    """Tell who has just installed or changed something that this process answers and reaches its database."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
    return JsonResponse({"status": "ok"})


@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    """Go to the first property the user may read."""
    data_flow = readable_data_flows(request.user).first()
    if data_flow is None:
        return redirect("data-flow-list")
    return redirect("overview", property_id=data_flow.property_id)


def _ends_in_time(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Tell the user in words when the database has ended a question that takes too long."""

    @wraps(view)
    def answer(request: HttpRequest, **arguments: Any) -> HttpResponse:
        try:
            return view(request, **arguments)
        except SlowQueryError as error:
            return render(request, "reports/slow.html", {"area": "reports", "message": str(error)}, status=503)

    return answer


@require_POST
def load_again(request: HttpRequest, data_flow_id: UUID, quarantine_id: int) -> HttpResponse:
    """Have an unload in quarantine loaded once more."""
    if not can_register(request.user):
        raise PermissionDenied
    data_flow = get_object_or_404(readable_data_flows(request.user), id=data_flow_id)
    unload = get_object_or_404(quarantined_unloads(data_flow), pk=quarantine_id)
    try:
        is_asked = quarantine_load_again(unload)
    except TransientError:
        about = {"station": Station.UPSERT, "data_flow_id": str(data_flow.id)}
        logger.exception("unload %s could not be asked for again", unload.manifest_key, extra=about)
        messages.error(request, "The loader could not be reached; nothing was asked for. Try again in a minute.")
    else:
        said = "Asked for. It is gone from here once it is loaded." if is_asked else "It is asked for already."
        messages.success(request, said)
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


@require_GET
@_ends_in_time
def overview(request: HttpRequest, property_id: str) -> HttpResponse:
    """Show a property's figures over a range of days."""
    data_flow = _readable(request, property_id)
    context = _context(request, data_flow, OVERVIEW)
    slugs = [report.slug for report in registered_reports(data_flow)]
    if OVERVIEW in slugs:
        found = overview_of(property_id, context["range"], context["fresh"].provisional_from)
        context |= {"overview": found, "charts": _charts(found), "cards": _cards(found)}
    return render(request, "reports/overview.html", context)


@require_GET
@_ends_in_time
def report(request: HttpRequest, property_id: str, slug: str) -> HttpResponse:
    """Show one report as a table."""
    data_flow = _readable(request, property_id)
    found = next((report for report in registered_reports(data_flow) if report.slug == slug), None)
    if found is None:
        raise Http404
    context = _context(request, data_flow, slug)
    page_number = request.GET.get("page", "1")
    context["table"] = report_page(
        property_id,
        found,
        context["range"],
        order=request.GET.get("order", ""),
        search=request.GET.get("search", "")[:200],
        page_number=max(int(page_number), 1) if page_number.isdecimal() and len(page_number) < 6 else 1,
    )
    return render(request, "reports/report.html", context)


def _readable(request: HttpRequest, property_id: str) -> DataFlow:
    data_flow = readable_data_flows(request.user).filter(property_id=property_id).first()
    if data_flow is None:
        raise Http404
    return data_flow


def _context(request: HttpRequest, data_flow: DataFlow, slug: str) -> dict[str, Any]:
    (fresh,) = freshness([data_flow], slug)
    range_, range_error = _range(request, last_day(data_flow.time_zone, timezone.now(), fresh.data_through))
    return {
        "area": "reports",
        "data_flow": data_flow,
        "data_flows": readable_data_flows(request.user),
        "reports": [report for report in registered_reports(data_flow) if report.slug != OVERVIEW],
        "slug": slug,
        "range": range_,
        "range_error": range_error,
        "presets": PRESETS,
        "fresh": fresh,
    }


def _range(request: HttpRequest, last: date) -> tuple[DateRange, str]:
    """Return the range in the address, or the usual one with the reason why that could not be read."""
    try:
        if "start" in request.GET or "end" in request.GET:
            dates = request.GET.get("start", ""), request.GET.get("end", "")
            return custom_range(*dates, last), ""
        return preset_range(request.GET.get("range", DEFAULT_PRESET), last), ""
    except RangeError as error:
        return preset_range(DEFAULT_PRESET, last), str(error)


def _charts(found: Overview) -> dict[str, LineChart]:
    """Return the sessions' chart in both shapes: the page shows the one that fits the screen."""
    days = [ChartDay(day.date, (day.metrics or {}).get("sessions"), day.is_provisional) for day in found.days]
    return {shape.name: line_chart(days, found.sessions_before, shape) for shape in (WIDE, NARROW)}


def _cards(found: Overview) -> list[tuple[Card, str]]:
    return [(card, sparkline(card.course)) for card in found.cards]
