"""Answers to the application: events on this account's own bus, which a rule forwards to Account 1's."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.events import (
    WAREHOUSE_SOURCE,
    DataFlowRunReported,
    DataFlowStatus,
    DataFlowStatusChanged,
    RunStatus,
)
from dataflows.contracts.incidents import (
    DataFlowIncidentChanged,
    DataFlowRemedyReported,
    IncidentState,
    RemedyOutcome,
    WarehouseOutageChanged,
)
from warehouse.causes import remedy_of
from warehouse.errors import aws_errors
from warehouse.incidents import Incident
from warehouse.runs import Run

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_events.type_defs import PutEventsRequestEntryTypeDef

Answer = (
    DataFlowStatusChanged
    | DataFlowRunReported
    | DataFlowIncidentChanged
    | DataFlowRemedyReported
    | WarehouseOutageChanged
)

_ENTRIES_A_CALL: Final = 10
_MAX_MESSAGE: Final = 2000


@dataclass(frozen=True)
class Asked:
    """What an answer must carry of the request it answers, even of one that is refused."""

    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    revision: int

    @classmethod
    def by(cls, detail: dict[str, Any]) -> "Asked":
        """Return what the detail of a `RegisterDataFlow` says.

        Raises KeyError, ValueError, TypeError or OverflowError if it does not."""
        event_id, correlation_id, data_flow_id = (
            UUID(str(detail[name])) for name in ("event_id", "correlation_id", "data_flow_id")
        )
        return cls(event_id, correlation_id, data_flow_id, int(detail["revision"]))


class Answers:
    """Puts answers on the warehouse's bus."""

    def __init__(self, client: "EventBridgeClient", bus_name: str) -> None:
        self._client = client
        self._bus_name = bus_name

    def put(self, answers: Sequence[Answer]) -> None:
        """Publish the answers. Raises TransientError when one was not taken: all may then be put again."""
        for start in range(0, len(answers), _ENTRIES_A_CALL):
            entries = [self._entry(answer) for answer in answers[start : start + _ENTRIES_A_CALL]]
            with aws_errors(f"answer on the bus {self._bus_name}"):
                response = self._client.put_events(Entries=entries)
            if response["FailedEntryCount"]:
                first = next(entry for entry in response["Entries"] if "ErrorCode" in entry)
                raise TransientError(
                    f"EventBridge did not take {response['FailedEntryCount']} of {len(entries)} answers: "
                    f"{first.get('ErrorCode')} {first.get('ErrorMessage', '')}"
                )

    def _entry(self, answer: Answer) -> "PutEventsRequestEntryTypeDef":
        return {
            "Source": WAREHOUSE_SOURCE,
            "DetailType": type(answer).__name__,
            "Detail": answer.model_dump_json(),
            "EventBusName": self._bus_name,
            "Time": answer.occurred_at,
        }


def status_changed(
    asked: Asked,
    status: DataFlowStatus,
    occurred_at: datetime,
    *,
    reason: str | None = None,
    message: str = "",
) -> DataFlowStatusChanged:
    """Return the answer to a request; asked and answered twice alike, it has the same event id."""
    return DataFlowStatusChanged(
        event_id=uuid5(asked.event_id, f"{status} {reason}"),
        correlation_id=asked.correlation_id,
        data_flow_id=asked.data_flow_id,
        revision=asked.revision,
        status=status,
        reason=reason,
        message=message[:_MAX_MESSAGE],
        occurred_at=occurred_at,
    )


def refused(asked: Asked, error: TerminalError, occurred_at: datetime) -> DataFlowStatusChanged:
    """Return the answer that a request failed, with the error's reason and words."""
    return status_changed(asked, DataFlowStatus.FAILED, occurred_at, reason=error.reason, message=str(error))


def run_reported(
    run: Run,
    status: RunStatus,
    occurred_at: datetime,
    *,
    rows: int = 0,
    rows_rejected: int = 0,
    message: str = "",
) -> DataFlowRunReported:
    """Return the news of a run; the same news of the same run has the same event id."""
    return DataFlowRunReported(
        event_id=uuid5(NAMESPACE_URL, f"{run.run_id} {status}"),
        correlation_id=UUID(run.correlation_id),
        data_flow_id=UUID(run.data_flow_id),
        property_id=run.property_id,
        report=run.report,
        run_id=run.run_id,
        execution_id=run.execution_id,
        status=status,
        start_date=run.start_date,
        end_date=run.end_date,
        rows=rows,
        rows_rejected=rows_rejected,
        message=message[:_MAX_MESSAGE],
        occurred_at=occurred_at,
    )


def incident_changed(incident: Incident) -> DataFlowIncidentChanged:
    """Return the news of an incident that is open or was; told again, it has the same event id."""
    ids = ("correlation_id", "data_flow_id", "incident_id")
    same = ("property_id", "display_name", "report", "kind", "cause", "run_id", "start_date", "end_date", "since")
    return DataFlowIncidentChanged(
        event_id=uuid5(UUID(incident.incident_id), f"{incident.state} {incident.attempts}"),
        **{name: UUID(getattr(incident, name)) for name in ids},
        **{name: getattr(incident, name) for name in same},
        state=IncidentState(incident.state),
        message=incident.message[:_MAX_MESSAGE],
        remedy=remedy_of(incident.kind, incident.cause),
        attempts=incident.attempts,
        requested_by=incident.requested_by,
        occurred_at=incident.changed_at,
    )


def flow_activated(
    incident: Incident, flow_name: str, requested_by: str | None, occurred_at: datetime
) -> DataFlowRemedyReported:
    """Return the news that a flow which AppFlow had deactivated is activated; the same try has the same event id."""
    return DataFlowRemedyReported(
        event_id=uuid5(UUID(incident.incident_id), f"activated {incident.attempts}"),
        correlation_id=UUID(incident.correlation_id),
        data_flow_id=UUID(incident.data_flow_id),
        incident_id=UUID(incident.incident_id),
        report=incident.report,
        outcome=RemedyOutcome.ACTIVATED,
        message=f"AppFlow's flow {flow_name} is activated again" + ("." if requested_by else ", by itself."),
        requested_by=requested_by,
        occurred_at=occurred_at,
    )
