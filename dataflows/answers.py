"""What Account 2 answers, written down once however often and in whatever order it arrives."""

import json
from typing import Any, Final
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from pydantic import ValidationError

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import (
    WAREHOUSE_SOURCE,
    DataFlowRunReported,
    DataFlowStatus,
    DataFlowStatusChanged,
    RunStatus,
    Station,
)
from dataflows.contracts.incidents import (
    DataFlowIncidentChanged,
    DataFlowRemedyReported,
    IncidentState,
    RemedyOutcome,
    WarehouseOutageChanged,
)
from dataflows.models import DataFlow, DataFlowIncident, Run, TimelineEntry
from dataflows.outages import outage_record
from dataflows.tracing import ids_at

OfDataFlow = DataFlowStatusChanged | DataFlowRunReported | DataFlowIncidentChanged | DataFlowRemedyReported
Answer = OfDataFlow | WarehouseOutageChanged

_ANSWERS: Final[dict[str, type[Answer]]] = {
    model.__name__: model
    for model in (
        DataFlowStatusChanged,
        DataFlowRunReported,
        DataFlowIncidentChanged,
        DataFlowRemedyReported,
        WarehouseOutageChanged,
    )
}

_RANK: Final = {
    DataFlow.Status.RECEIVED: 1,
    DataFlow.Status.SCHEMA_READY: 2,
    DataFlow.Status.FLOWS_CREATED: 3,
    DataFlow.Status.ACTIVE: 4,
    DataFlow.Status.PAUSED: 4,
    DataFlow.Status.REMOVED: 4,
    DataFlow.Status.FAILED: 4,
}
_RUN_RANK: Final = {
    RunStatus.STARTED: 0,
    RunStatus.SUCCEEDED: 1,
    RunStatus.REFRESHED: 2,
    RunStatus.FAILED: 3,
    RunStatus.UNLOADED: 4,
}
_INCIDENT_WORDS: Final = {
    IncidentState.OPEN: "incident_open",
    IncidentState.RETRYING: "retrying",
    IncidentState.RESOLVED: "recovered",
}
_REMEDY_WORDS: Final = {
    RemedyOutcome.RETRIED: "retry_accepted",
    RemedyOutcome.REFUSED: "retry_refused",
    RemedyOutcome.WAITING: "retry_waits",
    RemedyOutcome.ACTIVATED: "flow_activated",
}
_STATIONS: Final = {
    RunStatus.STARTED: Station.INGEST,
    RunStatus.SUCCEEDED: Station.INGEST,
    RunStatus.FAILED: Station.INGEST,
    RunStatus.REFRESHED: Station.REFRESH,
    RunStatus.UNLOADED: Station.UNLOAD,
}


def answer_parse(envelope: str) -> Answer:
    """Return the answer in an EventBridge event, given as JSON.

    Raises TerminalError for anything else: another sender, another event, or a detail that does not
    keep to its contract.
    """
    try:
        event = json.loads(envelope)
        sender, model = (event["source"], event["account"]), _ANSWERS[event["detail-type"]]
        if sender != (WAREHOUSE_SOURCE, settings.WAREHOUSE_ACCOUNT_ID):
            raise TerminalError(f"An answer came from {sender}, not from the warehouse.", reason="unknown_sender")
        return model.model_validate(event["detail"])
    except (ValueError, KeyError, TypeError, RecursionError, ValidationError) as error:
        raise TerminalError(f"An answer of the warehouse can't be read: {error}", reason="bad_answer") from error


@transaction.atomic
def answer_record(answer: Answer) -> bool:
    """Write an answer down; return False when it was there already.

    Raises TerminalError when it speaks of a data flow that is not registered here.
    """
    if isinstance(answer, WarehouseOutageChanged):
        return outage_record(answer)
    data_flow = DataFlow.objects.select_for_update().filter(id=answer.data_flow_id).first()
    if data_flow is None:
        raise TerminalError(f"There is no data flow {answer.data_flow_id}.", reason="unknown_data_flow")
    is_new = _add_to_timeline(data_flow, answer)
    if is_new and isinstance(answer, DataFlowStatusChanged):
        _apply_status(data_flow, answer)
    elif is_new and isinstance(answer, DataFlowRunReported):
        _apply_run(data_flow, answer)
    elif isinstance(answer, DataFlowIncidentChanged):
        _apply_incident(data_flow, answer)
    elif isinstance(answer, DataFlowRemedyReported):
        _apply_remedy(answer)
    return is_new


def answer_log_keys(answer: Answer) -> dict[str, str | UUID]:
    """Return what a log line about an answer carries; an outage of the warehouse is no data flow's own."""
    if isinstance(answer, WarehouseOutageChanged):
        return {"station": Station.INGEST, "event_id": answer.event_id}
    return ids_at(_station(answer), answer)


def _add_to_timeline(data_flow: DataFlow, answer: OfDataFlow) -> bool:
    _, is_new = TimelineEntry.objects.get_or_create(
        event_id=answer.event_id,
        defaults={
            "data_flow": data_flow,
            "correlation_id": answer.correlation_id,
            "occurred_at": answer.occurred_at,
            "station": _station(answer),
            **_details(answer),
        },
    )
    return is_new


def _station(answer: OfDataFlow) -> Station:
    """Return the station: that a request was received is what tells that it came through both buses."""
    match answer:
        case DataFlowStatusChanged():
            return Station.FORWARD if answer.status is DataFlowStatus.RECEIVED else Station.REGISTER
        case DataFlowRunReported():
            return _STATIONS[answer.status]
    return Station.INGEST


def _details(answer: OfDataFlow) -> dict[str, Any]:
    match answer:
        case DataFlowRemedyReported():
            return _remedy_details(answer)
        case DataFlowIncidentChanged():
            return _incident_details(answer)
        case DataFlowRunReported():
            return _run_details(answer)
    return {"status": answer.status, "message": answer.message}


def _incident_details(answer: DataFlowIncidentChanged) -> dict[str, Any]:
    asked_by = f"asked for by {answer.requested_by}" if answer.requested_by else ""
    messages = {IncidentState.OPEN: answer.message, IncidentState.RETRYING: asked_by}
    return {
        "status": _INCIDENT_WORDS[answer.state],
        "report": answer.report,
        "message": messages.get(answer.state, ""),
    }


def _remedy_details(answer: DataFlowRemedyReported) -> dict[str, Any]:
    """Return what is told of a remedy, among what else followed from the failure where that is known here."""
    known = DataFlowIncident.objects.filter(incident_id=answer.incident_id, data_flow_id=answer.data_flow_id).first()
    asked_by = f" (Retry was pressed by {answer.requested_by})" if answer.requested_by else ""
    return {
        "status": _REMEDY_WORDS[answer.outcome],
        "report": answer.report or (known.report if known else ""),
        "message": f"{answer.message}{asked_by}",
        "correlation_id": known.correlation_id if known else answer.correlation_id,
    }


def _run_details(answer: DataFlowRunReported) -> dict[str, Any]:
    rows = None if answer.status is RunStatus.STARTED else answer.rows
    return {"status": answer.status, "message": answer.message, "report": answer.report, "rows": rows}


def _apply_status(data_flow: DataFlow, answer: DataFlowStatusChanged) -> None:
    """Show the answer, unless it is about an older revision or an earlier step than what is shown."""
    if answer.status is DataFlowStatus.IGNORED or answer.revision < data_flow.status_revision:
        return
    status = DataFlow.Status(answer.status.value)
    is_same_revision = answer.revision == data_flow.status_revision
    if is_same_revision and _RANK[status] < _RANK.get(DataFlow.Status(data_flow.status), 0):
        return
    data_flow.status = status
    data_flow.status_revision = answer.revision
    data_flow.status_message = answer.message
    data_flow.status_changed_at = timezone.now()
    data_flow.save(update_fields=("status", "status_revision", "status_message", "status_changed_at", "updated_at"))


def _apply_run(data_flow: DataFlow, answer: DataFlowRunReported) -> None:
    run = Run.objects.select_for_update().filter(run_id=answer.run_id).first()
    if run is not None and not _is_further(answer, run):
        return
    changes = {
        "data_flow": data_flow,
        "correlation_id": answer.correlation_id,
        "report": answer.report,
        "execution_id": answer.execution_id or "",
        "status": answer.status,
        "start_date": answer.start_date,
        "end_date": answer.end_date,
        "rows": answer.rows,
        "rows_rejected": answer.rows_rejected,
        "message": answer.message,
        "changed_at": answer.occurred_at,
    }
    if answer.status is RunStatus.STARTED:
        changes["started_at"] = answer.occurred_at
    Run.objects.update_or_create(run_id=answer.run_id, defaults=changes)


def _is_further(answer: DataFlowRunReported, run: Run) -> bool:
    """Tell whether the answer is newer than what is shown. A refresh that failed is tried again, and may succeed."""
    if run.status == RunStatus.FAILED and answer.status is RunStatus.REFRESHED:
        return answer.occurred_at > run.changed_at
    return _RUN_RANK[answer.status] >= _RUN_RANK[RunStatus(run.status)]


def _apply_incident(data_flow: DataFlow, answer: DataFlowIncidentChanged) -> None:
    """Show the newest news of an incident; the same news may come again with other days, and is newer then."""
    incident = DataFlowIncident.objects.select_for_update().filter(incident_id=answer.incident_id).first()
    if incident is not None and answer.occurred_at <= incident.changed_at:
        return
    same = ("correlation_id", "report", "kind", "cause", "state", "start_date", "end_date", "since", "message")
    changes = {
        **{name: getattr(answer, name) for name in (*same, "remedy", "attempts")},
        "data_flow": data_flow,
        "run_id": answer.run_id or "",
        "requested_by": answer.requested_by or "",
        "changed_at": answer.occurred_at,
    }
    if incident is None or answer.state != incident.state or answer.attempts != incident.attempts:
        changes["asked_at"] = None
    DataFlowIncident.objects.update_or_create(incident_id=answer.incident_id, defaults=changes)


def _apply_remedy(answer: DataFlowRemedyReported) -> None:
    """Let Retry be pressed again at once where it was refused: nothing more follows from the press before."""
    if answer.outcome is RemedyOutcome.REFUSED:
        asked = DataFlowIncident.objects.filter(incident_id=answer.incident_id, data_flow_id=answer.data_flow_id)
        asked.filter(asked_at__lte=answer.occurred_at).update(asked_at=None)
