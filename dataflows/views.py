"""The pages of the registry: list, register, detail, and what can be done there."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import OuterRef, Q, Subquery
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import DataFlowState
from dataflows.contracts.reports import REPORTS
from dataflows.detail import detail_of
from dataflows.editing import Edit
from dataflows.forms import BackfillForm, DeregisterForm, already_registered
from dataflows.models import DataFlow, Run
from dataflows.registration import Registration
from dataflows.selectors import (
    can_register,
    failing_runs,
    readable_data_flows,
    time_zone_names,
    unresolved_incidents,
)
from dataflows.services import (
    data_flow_backfill,
    data_flow_change_state,
    data_flow_register,
    data_flow_send_again,
    incident_retry,
)

PAGE_ROWS = 50
_LAST_RUN_AT = Run.objects.filter(data_flow=OuterRef("pk")).order_by("-changed_at").values("changed_at")[:1]


@require_GET
def data_flow_list(request: HttpRequest) -> HttpResponse:
    """Show the data flows the user may see, searched and filtered."""
    search, status = request.GET.get("search", "").strip(), request.GET.get("status", "")
    data_flows = readable_data_flows(request.user).select_related("created_by")
    data_flows = data_flows.annotate(last_run_at=Subquery(_LAST_RUN_AT))  # computed for a page's rows only
    if search:
        data_flows = data_flows.filter(Q(display_name__icontains=search) | Q(property_id__contains=search))
    if status in DataFlow.Status.values:
        data_flows = data_flows.filter(status=status)
    page = Paginator(data_flows.order_by("display_name", "property_id"), PAGE_ROWS).get_page(request.GET.get("page"))
    context = {
        "area": "data-flows",
        "page": page,
        "failing": failing_runs(page.object_list),
        "incidents": unresolved_incidents(page.object_list),
        "previous_number": page.previous_page_number() if page.has_previous() else None,
        "next_number": page.next_page_number() if page.has_next() else None,
        "search": search,
        "status": status,
        "statuses": DataFlow.Status.choices,
        "can_register": can_register(request.user),
    }
    return render(request, "dataflows/list.html", context)


@require_http_methods(["GET", "POST"])
def register(request: HttpRequest) -> HttpResponse:
    """Show the register page, or register what was filled in."""
    user = _operator(request)
    is_sent = request.method == "POST"
    registration = Registration(request.POST if is_sent else None)
    data_flow = registration.data_flow() if is_sent else None
    if data_flow is not None and _is_registered(registration, data_flow, user):
        messages.success(request, f"{data_flow.display_name} is registered. Its first steps show up below.")
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    registration.focus()
    return _definition_page(request, "dataflows/register.html", registration)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Show a data flow's definition to be changed, or save what was made of it."""
    user, data_flow = _operator(request), _readable(request, data_flow_id)
    is_sent = request.method == "POST"
    if data_flow.desired_state == DataFlowState.REMOVED and not is_sent:
        messages.error(request, "It is deregistered: resume it first, then edit it.")
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    editing = Edit(data_flow, request.POST if is_sent else None)
    saved = editing.save(user) if is_sent else None
    if saved is not None:
        messages.success(request, f"Saved as revision {saved.revision}. The timeline shows when it is done.")
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    editing.focus()
    return _definition_page(request, "dataflows/edit.html", editing)


@require_GET
def data_flow_detail(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Show one data flow: its state, timeline, runs, definition and plan."""
    return _detail(request, _readable(request, data_flow_id))


@require_POST
def change_state(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Pause or resume a data flow; one that was deregistered comes back so too."""
    user, data_flow = _operator(request), _readable(request, data_flow_id)
    wanted = request.POST.get("state")
    if wanted not in (DataFlowState.ACTIVE, DataFlowState.PAUSED):
        raise BadRequest("A data flow is made active or paused.")
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState(wanted), user=user)
    messages.success(request, "Asked for. The timeline shows when it is done.")
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


@require_http_methods(["GET", "POST"])
def deregister(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Deregister a data flow, once its property id is typed; the data stays."""
    user, data_flow = _operator(request), _readable(request, data_flow_id)
    if request.method == "GET":  # the page that a refused form was shown on, loaded anew
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    form = DeregisterForm(request.POST, expected=data_flow.property_id)
    if not form.is_valid():
        return _detail(request, data_flow, deregister_form=form, status=422)
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.REMOVED, user=user)
    messages.success(request, "Deregistering. Its flows are removed; what was loaded stays.")
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


@require_http_methods(["GET", "POST"])
def backfill(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Ask for a range of days to be fetched again."""
    user, data_flow = _operator(request), _readable(request, data_flow_id)
    if request.method == "GET":  # the page that a refused form was shown on, loaded anew
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    if _is_at_rest(request, data_flow):
        return redirect("data-flow-detail", data_flow_id=data_flow.id)
    form = BackfillForm(request.POST, time_zone=data_flow.time_zone)
    if not form.is_valid():
        return _detail(request, data_flow, backfill_form=form, status=422)
    data_flow_backfill(data_flow=data_flow, reports=(), user=user, **form.cleaned_data)
    messages.success(request, "The back-fill is asked for. Its runs show up below.")
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


@require_POST
def retry_incident(request: HttpRequest, data_flow_id: UUID, incident_id: UUID) -> HttpResponse:
    """Have the days of an open incident read again."""
    user, data_flow = _operator(request), _readable(request, data_flow_id)
    incident = get_object_or_404(data_flow.incidents, incident_id=incident_id)
    if not _is_at_rest(request, data_flow):
        try:
            asked = incident_retry(incident_id=incident.incident_id, user=user)
        except InvalidDataFlowError as error:
            messages.error(request, str(error))
        else:
            words = "Asked for. Its run shows up below." if asked else "It is being read again already."
            messages.success(request, words)
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


@require_POST
def send_again(request: HttpRequest, data_flow_id: UUID) -> HttpResponse:
    """Publish once more what EventBridge never took."""
    _operator(request)
    data_flow = _readable(request, data_flow_id)
    count = data_flow_send_again(data_flow_id=data_flow.id)
    messages.success(request, "Sending again." if count else "There is nothing to send again.")
    return redirect("data-flow-detail", data_flow_id=data_flow.id)


def _is_at_rest(request: HttpRequest, data_flow: DataFlow) -> bool:
    """Return whether nothing can be fetched of a data flow, and say so."""
    if data_flow.desired_state == DataFlowState.ACTIVE and data_flow.status != DataFlow.Status.FAILED:
        return False
    state = data_flow.get_status_display().lower()
    messages.error(request, f"It is {state}: nothing can be fetched before it is active. Resume it, or edit it.")
    return True


def _operator(request: HttpRequest) -> AbstractUser:
    """Return the user, who must be an operator."""
    if not can_register(request.user) or not isinstance(request.user, AbstractUser):
        raise PermissionDenied
    return request.user


def _readable(request: HttpRequest, data_flow_id: UUID) -> DataFlow:
    return get_object_or_404(readable_data_flows(request.user), id=data_flow_id)


def _is_registered(registration: Registration, data_flow: DataFlow, user: AbstractUser) -> bool:
    try:
        data_flow_register(data_flow=data_flow, user=user)
    except InvalidDataFlowError as error:  # somebody else was quicker, or the button was pressed twice
        if error.reason != "already_registered":
            raise
        there = DataFlow.objects.get(property_id=data_flow.property_id)
        registration.form.add_error("property_id", already_registered(there))
        return False
    return True


def _definition_page(request: HttpRequest, template: str, registration: Registration) -> HttpResponse:
    context = {
        "area": "data-flows",
        "registration": registration,
        "reports": REPORTS,
        "time_zones": time_zone_names(),
    }
    return render(request, template, context, status=422 if registration.form.is_bound else 200)


def _detail(request: HttpRequest, data_flow: DataFlow, *, status: int = 200, **forms: Any) -> HttpResponse:
    for refused in (field for form in forms.values() for field in form if field.errors):
        refused.field.widget.attrs["autofocus"] = True  # it stands far below: the page opens there
    context = {
        "area": "data-flows",
        **detail_of(data_flow),
        "can_register": can_register(request.user),
        "can_edit": can_register(request.user) and data_flow.desired_state != DataFlowState.REMOVED,
        "backfill_form": BackfillForm(time_zone=data_flow.time_zone),
        "deregister_form": DeregisterForm(expected=data_flow.property_id),
        **forms,
    }
    return render(request, "dataflows/detail.html", context, status=status)
