"""What changes the registry. Each call is one transaction: the change and the event that announces it."""

import uuid
from datetime import date, timedelta
from typing import Final

from django.contrib.auth.models import AbstractBaseUser
from django.db import IntegrityError, transaction
from django.utils import timezone

from dataflows.contracts.changes import REDEFINED, redefined_reports
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import (
    DataFlowState,
    RegisterDataFlow,
    RunDataFlow,
    Station,
    check_size,
    today_in,
)
from dataflows.contracts.incidents import IncidentState
from dataflows.contracts.plan import PLAN_VERSION, make_plan
from dataflows.definitions import CHANGEABLE, custom_reports_in, register_event
from dataflows.models import DataFlow, DataFlowIncident, OutboxEvent, TimelineEntry
from dataflows.outbox import outbox_add
from dataflows.selectors import custom_reports_ever_asked, registered_reports
from dataflows.tasks import relay_soon

RETRY_ANSWERED_WITHIN: Final = timedelta(minutes=15)  # else it may be asked for again


@transaction.atomic
def data_flow_register(*, data_flow: DataFlow, user: AbstractBaseUser) -> DataFlow:
    """Save a new data flow and ask Account 2 for it.

    Raises InvalidDataFlowError when the property is registered already or the definition is too large,
    pydantic's ValidationError when it can't be carried out; nothing is saved then.
    """
    data_flow.created_by_id = user.pk
    try:
        with transaction.atomic():
            data_flow.save(force_insert=True)
    except IntegrityError as error:
        raise InvalidDataFlowError(
            f"Property {data_flow.property_id} is registered already: open its data flow and press Edit.",
            reason="already_registered",
        ) from error
    _announce(data_flow, user)
    return data_flow


@transaction.atomic
def data_flow_change(*, data_flow_id: uuid.UUID, asked: DataFlow, made_from: int, user: AbstractBaseUser) -> DataFlow:
    """Save another definition of a data flow, or the same again, as a new revision; it stays active or paused.

    `asked` carries the definition and is not saved itself; `made_from` is the revision that the user saw.
    Raises DataFlow.DoesNotExist when there is none of that id, InvalidDataFlowError (`deregistered`,
    `revision_outdated`, `property_changed`, `custom_report_redefined`, `definition_too_large`) or
    pydantic's ValidationError when it can't be carried out; nothing is saved then.
    """
    data_flow = DataFlow.objects.select_for_update().get(id=data_flow_id)
    _check_change(data_flow, asked, made_from)
    for name in CHANGEABLE:
        setattr(data_flow, name, getattr(asked, name))
    data_flow.revision += 1
    _announce(data_flow, user)
    return data_flow


@transaction.atomic
def data_flow_change_state(*, data_flow_id: uuid.UUID, state: DataFlowState, user: AbstractBaseUser) -> DataFlow:
    """Pause, resume or deregister a data flow, as a new revision.

    Raises DataFlow.DoesNotExist when there is none of that id.
    """
    data_flow = DataFlow.objects.select_for_update().get(id=data_flow_id)
    data_flow.desired_state = state
    data_flow.revision += 1
    _announce(data_flow, user)
    return data_flow


@transaction.atomic
def data_flow_backfill(
    *,
    data_flow: DataFlow,
    start_date: date,
    end_date: date,
    reports: tuple[str, ...],
    user: AbstractBaseUser,
    incident_id: uuid.UUID | None = None,
) -> OutboxEvent:
    """Ask for one run over a range of dates, both included, or of them what an incident misses.

    No report named means all of them.

    Raises pydantic's ValidationError for a range that runs backwards.
    """
    event = RunDataFlow(
        event_id=uuid.uuid4(),
        correlation_id=uuid.uuid4(),
        data_flow_id=data_flow.id,
        property_id=data_flow.property_id,
        reports=reports or tuple(report.slug for report in registered_reports(data_flow)),
        start_date=start_date,
        end_date=end_date,
        incident_id=incident_id,
        requested_by=user.get_username(),
    )
    message = f"{start_date} to {end_date}, asked for by {user.get_username()}"
    return _send(data_flow, event, "backfill", message)


@transaction.atomic
def incident_retry(*, incident_id: uuid.UUID, user: AbstractBaseUser) -> OutboxEvent | None:
    """Ask for an incident's days to be read again; None when that was asked for a moment ago.

    Raises DataFlowIncident.DoesNotExist when there is none of that id, InvalidDataFlowError (`not_open`,
    `range_not_over`) when there is nothing to be read.
    """
    incident = DataFlowIncident.objects.select_for_update().select_related("data_flow").get(incident_id=incident_id)
    if not is_retryable(incident):
        if incident.asked_at is not None or incident.state == IncidentState.RETRYING:
            return None
        raise InvalidDataFlowError("There is nothing to read again: the state below is the newest.", reason="not_open")
    data_flow = incident.data_flow
    end_date = min(incident.end_date, today_in(data_flow.time_zone, timezone.now()) - timedelta(1))
    if end_date < incident.start_date:
        raise InvalidDataFlowError("These days are not over yet: a daily run reads them.", reason="range_not_over")
    incident.asked_at = timezone.now()
    incident.requested_by = user.get_username()
    incident.save(update_fields=("asked_at", "requested_by"))
    return data_flow_backfill(
        data_flow=data_flow,
        start_date=incident.start_date,
        end_date=end_date,
        reports=(incident.report,),
        user=user,
        incident_id=incident_id,
    )


def is_retryable(incident: DataFlowIncident) -> bool:
    """Return whether Retry is of use: it is open, a run can mend it, and nobody has just asked."""
    has_asked = incident.asked_at is not None and timezone.now() - incident.asked_at < RETRY_ANSWERED_WITHIN
    return incident.state == IncidentState.OPEN and bool(incident.run_id) and not has_asked


@transaction.atomic
def data_flow_send_again(*, data_flow_id: uuid.UUID) -> int:
    """Make the events that were given up due again; return how many."""
    given_up = OutboxEvent.objects.filter(data_flow_id=data_flow_id, state=OutboxEvent.State.GIVEN_UP)
    count = given_up.update(state=OutboxEvent.State.QUEUED, attempts=0, next_attempt_at=timezone.now())
    if count:
        DataFlow.objects.filter(id=data_flow_id, status=DataFlow.Status.UNDELIVERED).update(
            status=DataFlow.Status.QUEUED, status_message=""
        )
        _relay_after_commit()
    return count


def _check_change(data_flow: DataFlow, asked: DataFlow, made_from: int) -> None:
    if data_flow.desired_state == DataFlowState.REMOVED:
        raise InvalidDataFlowError("It is deregistered: resume it first, then edit it.", reason="deregistered")
    if data_flow.revision != made_from:
        raise InvalidDataFlowError(
            f"It was changed meanwhile, from revision {made_from} to {data_flow.revision}.",
            reason="revision_outdated",
        )
    if asked.property_id != data_flow.property_id:
        raise InvalidDataFlowError(
            f"It is of property {data_flow.property_id}, which stays: register {asked.property_id[:18]} for itself.",
            reason="property_changed",
        )
    if names := redefined_reports(custom_reports_ever_asked(data_flow), custom_reports_in(asked.reports)):
        raise InvalidDataFlowError(f"{names[0]}: {REDEFINED}", reason="custom_report_redefined")


def _announce(data_flow: DataFlow, user: AbstractBaseUser) -> None:
    data_flow.status = DataFlow.Status.QUEUED
    data_flow.status_revision = data_flow.revision
    data_flow.status_message = ""
    data_flow.status_changed_at = timezone.now()
    data_flow.save()
    event = register_event(data_flow, correlation_id=uuid.uuid4(), requested_by=user.get_username())
    check_size(event)
    approved = event.model_copy(update={"plan_version": PLAN_VERSION, "plan_hash": make_plan(event).hash})
    message = f"revision {data_flow.revision}, {data_flow.desired_state}, asked for by {user.get_username()}"
    _send(data_flow, approved, "queued", message)


def _send(data_flow: DataFlow, event: RegisterDataFlow | RunDataFlow, status: str, message: str) -> OutboxEvent:
    TimelineEntry.objects.create(
        data_flow=data_flow,
        correlation_id=event.correlation_id,
        station=Station.SUBMIT,
        status=status,
        message=message,
        occurred_at=timezone.now(),
    )
    added = outbox_add(data_flow=data_flow, event=event)
    _relay_after_commit()
    return added


def _relay_after_commit() -> None:
    # Robust: with the broker away the event is as safe, and the sweeper publishes it.
    transaction.on_commit(relay_soon, robust=True)
