"""What goes wrong and stays so until somebody acts, and what is done about it: the events that tell of it."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dataflows.contracts.values import Aware, Contract, DisplayName, PropertyId, ReportSlug, Requester, RunId

MAX_REMEDY_LENGTH: Final = 500


class IncidentKind(StrEnum):
    """What happened to a report of a data flow."""

    RUN_FAILED = "run_failed"
    FLOW_DEACTIVATED = "flow_deactivated"
    RUN_MISSING = "run_missing"
    DATA_LATE = "data_late"
    COUNTS_DIFFER = "counts_differ"


class IncidentState(StrEnum):
    """Whether somebody has to act, has acted, or nobody has to any more."""

    OPEN = "open"
    RETRYING = "retrying"
    RESOLVED = "resolved"


class IncidentCause(StrEnum):
    """Why it happened, as far as the words of the failure tell."""

    TRANSIENT = "transient"
    AUTHENTICATION = "authentication"
    PERMISSION = "permission"
    SCHEMA = "schema"
    QUOTA = "quota"
    WAREHOUSE = "warehouse"
    UNKNOWN = "unknown"


class DataFlowIncidentChanged(Contract):
    """Account 2's news of an incident. The same trouble again while it is open is the same incident.

    `event_id` is the same for the same news of it: a later `occurred_at` is the newer of two.
    """

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    property_id: PropertyId
    display_name: DisplayName
    report: ReportSlug
    incident_id: UUID
    kind: IncidentKind
    cause: IncidentCause
    state: IncidentState
    run_id: Annotated[RunId | None, Field(description="What Retry makes again; none: there is no Retry.")] = None
    start_date: Annotated[date, Field(description="The first of the days that are missing.")]
    end_date: Annotated[date, Field(description="The last of the days that are missing.")]
    since: Aware
    message: Annotated[str, Field(min_length=1, max_length=2000, description="What failed.")]
    remedy: Annotated[str, Field(max_length=MAX_REMEDY_LENGTH, description="What to do about it.")] = ""
    attempts: Annotated[int, Field(ge=0, description="How often it was tried again so far.")] = 0
    requested_by: Annotated[Requester | None, Field(description="Who pressed Retry, if somebody did.")] = None
    occurred_at: Aware

    @model_validator(mode="after")
    def _range_is_forward(self) -> Self:
        if self.end_date < self.start_date:
            raise PydanticCustomError("range_backwards", "The last day lies before the first.")
        return self


class RemedyOutcome(StrEnum):
    """What came of an attempt to mend something."""

    RETRIED = "retried"
    REFUSED = "refused"
    WAITING = "waiting"  # it failed for now, and is carried out again by itself
    ACTIVATED = "activated"  # a flow that AppFlow had deactivated


class DataFlowRemedyReported(Contract):
    """Account 2's news of what was done about an incident or refused: an answer to each press of Retry.

    `event_id` is the same for the same outcome of the same press. `correlation_id` is the incident's, or the
    incident's id where nobody could look it up.
    """

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    incident_id: UUID
    report: Annotated[ReportSlug | None, Field(description="None: nobody could look up which it is.")] = None
    outcome: RemedyOutcome
    message: Annotated[str, Field(min_length=1, max_length=2000, description="What is done, or why not.")]
    requested_by: Annotated[Requester | None, Field(description="Who pressed Retry; none: done by itself.")] = None
    occurred_at: Aware


class OutageState(StrEnum):
    """Whether the warehouse answers."""

    BEGUN = "begun"
    OVER = "over"


class WarehouseOutageChanged(Contract):
    """Account 2's news that its warehouse does not answer, or does again: one trouble of all data flows.

    `event_id` is the same for the same news of the same outage, however often it is told.
    """

    schema_version: Literal[1] = 1
    event_id: UUID
    outage_id: UUID
    state: OutageState
    since: Aware
    message: Annotated[str, Field(min_length=1, max_length=2000, description="What failed.")]
    remedy: Annotated[str, Field(max_length=MAX_REMEDY_LENGTH, description="What to do about it.")] = ""
    occurred_at: Aware
