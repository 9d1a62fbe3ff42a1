"""The events between the two accounts, and what in them is refused.

A detail holds everything its reader needs and nothing secret. Unknown members are errors.
"""

from datetime import date, datetime
from enum import StrEnum
from typing import Annotated, Final, Literal, Self, TypeVar
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from dataflows.contracts import ga4, naming
from dataflows.contracts.counts import DataFlowDaysCounted
from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.incidents import (
    DataFlowIncidentChanged,
    DataFlowRemedyReported,
    WarehouseOutageChanged,
)
from dataflows.contracts.reports import REPORTS, Report, custom_report
from dataflows.contracts.sql_text import quoted_text
from dataflows.contracts.values import (
    ApiName,
    Aware,
    ConnectorProfile,
    Contract,
    CurrencyCode,
    DisplayName,
    FilterValue,
    PropertyId,
    ReportSlug,
    Requester,
    RunId,
    StartDate,
    TimeZone,
    first_problem,
)

MYAPP_SOURCE: Final = "myapp.dataflows"
WAREHOUSE_SOURCE: Final = "myapp.warehouse"
MAX_DETAIL_BYTES: Final = 64 * 1024
MAX_DEFINITION_BYTES: Final = MAX_DETAIL_BYTES - 2 * 1024  # the rest is for ids, plan hash and the longest user's name
# The warehouse notes the event in one statement, of 100,000 bytes at most: the rest is for the same, and its columns.
MAX_QUOTED_DEFINITION_BYTES: Final = 96_000

DEFAULT_LOOKBACK_DAYS: Final = 4
MAX_REPORTS: Final = 30


_Event = TypeVar("_Event", bound=Contract)


class DataFlowState(StrEnum):
    """What an operator wants of a data flow."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class OnInvalid(StrEnum):
    """What AppFlow does with a record that fails validation."""

    DROP_RECORD = "drop_record"
    FAIL_RUN = "fail_run"


class FilterOperator(StrEnum):
    """How a filter compares a dimension with its values."""

    EQUAL_TO = "equal_to"
    NOT_EQUAL_TO = "not_equal_to"
    CONTAINS = "contains"


class Property(Contract):
    """A GA4 property as it is registered."""

    property_id: PropertyId
    display_name: DisplayName
    time_zone: TimeZone
    currency_code: CurrencyCode


class CustomReport(Contract):
    """An operator's own report: GA4 API names."""

    name: Annotated[str, Field(pattern=naming.CUSTOM_NAME_PATTERN)]
    dimensions: tuple[ApiName, ...] = ()
    metrics: tuple[ApiName, ...]


class ReportRequest(Contract):
    """Either a declared report's slug, or a custom report."""

    slug: ReportSlug | None = None
    custom: CustomReport | None = None

    @model_validator(mode="after")
    def _is_one_known_report(self) -> Self:
        if (self.slug is None) == (self.custom is None):
            raise PydanticCustomError("one_of_slug_custom", "Name a declared report or a custom one, not both.")
        try:
            self.report()
        except InvalidDataFlowError as error:
            raise PydanticCustomError(error.reason, "{help}", {"help": str(error)}) from error
        return self

    def report(self) -> Report:
        """Return the report that is meant.

        Raises InvalidDataFlowError when there is none of that slug, or the custom one can't be.
        """
        if self.custom is not None:
            return custom_report(self.custom.name, self.custom.dimensions, self.custom.metrics)
        if self.slug in REPORTS:
            return REPORTS[self.slug]
        raise InvalidDataFlowError(
            f"There is no report {self.slug!r}. Declared are: {', '.join(REPORTS)}.", reason="unknown_report"
        )


class DimensionFilter(Contract):
    """Keep only rows whose dimension compares so with any of the values."""

    dimension: ApiName
    operator: FilterOperator
    values: Annotated[tuple[FilterValue, ...], Field(min_length=1, max_length=20)]


class RegisterDataFlow(Contract):
    """The desired state of one data flow, complete. A higher revision replaces a lower one."""

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    revision: Annotated[int, Field(ge=1, le=2**31 - 1)]
    state: DataFlowState = DataFlowState.ACTIVE
    property: Property
    connector_profile: ConnectorProfile
    reports: Annotated[tuple[ReportRequest, ...], Field(min_length=1, max_length=MAX_REPORTS)]
    start_date: StartDate
    lookback_days: Annotated[int, Field(ge=1, le=30)] = DEFAULT_LOOKBACK_DAYS
    refresh_hour_local: Annotated[int, Field(ge=0, le=23)]
    filters: Annotated[tuple[DimensionFilter, ...], Field(max_length=10)] = ()
    on_invalid: OnInvalid = OnInvalid.DROP_RECORD
    plan_version: Annotated[int, Field(ge=1)] | None = None
    plan_hash: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    requested_by: Requester

    @model_validator(mode="after")
    def _reports_fit_together(self) -> Self:
        slugs = [request.report().slug for request in self.reports]
        if len(set(slugs)) != len(slugs):
            raise PydanticCustomError("repeated_report", "A report is named twice: name each once.")
        for dimension_filter in self.filters:
            self._check_filter(dimension_filter)
        return self

    def _check_filter(self, dimension_filter: DimensionFilter) -> None:
        name = dimension_filter.dimension
        without = [
            report.slug
            for report in self.resolved_reports()
            if name == ga4.DATE or name not in {field.api_name for field in report.dimensions}
        ]
        if without:
            raise PydanticCustomError(
                "filter_not_in_report",
                "A filter must be on a dimension of every chosen report; {name} is not one of {reports}. Remove the "
                "filter, or those reports.",
                {"name": name, "reports": ", ".join(without)},
            )

    def resolved_reports(self) -> tuple[Report, ...]:
        """Return the reports asked for, declared and custom ones alike."""
        return tuple(request.report() for request in self.reports)


# What an operator defines; the other members say who asks, for which state and revision, and what was approved.
_DEFINITION: Final = {
    "property",
    "connector_profile",
    "reports",
    "start_date",
    "lookback_days",
    "refresh_hour_local",
    "filters",
    "on_invalid",
}


def check_size(event: RegisterDataFlow) -> None:
    """Refuse a definition whose event might take more than MAX_DETAIL_BYTES of UTF-8, or not fit into a statement.

    Only the definition is counted: one that was taken once can be paused by anybody. Raises
    InvalidDataFlowError `definition_too_large`.
    """
    definition = event.model_dump_json(include=_DEFINITION)
    size, quoted_size = len(definition.encode()), len(quoted_text(definition).encode())
    if size > MAX_DEFINITION_BYTES:
        raise _too_large("sent", size, MAX_DEFINITION_BYTES)
    if quoted_size > MAX_QUOTED_DEFINITION_BYTES:
        raise _too_large("kept", quoted_size, MAX_QUOTED_DEFINITION_BYTES, "A backslash takes four of them. ")


def _too_large(to_be: str, size: int, most: int, hint: str = "") -> InvalidDataFlowError:
    return InvalidDataFlowError(
        f"The definition is too large to be {to_be}: {size:,} bytes, of which {most:,} are possible. {hint}"
        "Shorten the filters, or leave out reports.",
        reason="definition_too_large",
    )


class RunDataFlow(Contract):
    """Asks for one run of a data flow over a range of dates, both included: backfill, retry or gap."""

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    property_id: PropertyId
    reports: Annotated[tuple[ReportSlug, ...], Field(max_length=MAX_REPORTS)] = ()  # none named: all of them
    start_date: StartDate
    end_date: date
    incident_id: Annotated[UUID | None, Field(description="Only what this incident misses of the range.")] = None
    requested_by: Requester

    @model_validator(mode="after")
    def _range_is_forward(self) -> Self:
        if self.end_date < self.start_date:
            raise PydanticCustomError("range_backwards", "The last day lies before the first.")
        return self


class Station(StrEnum):
    """The stations of the straight line, as they are named in logs and on the timeline."""

    SUBMIT = "submit"
    PUBLISH = "publish"
    FORWARD = "forward"
    REGISTER = "register"
    INGEST = "ingest"
    REFRESH = "refresh"
    UNLOAD = "unload"
    UPSERT = "upsert"
    SERVE = "serve"


class DataFlowStatus(StrEnum):
    """How far registration has come in Account 2."""

    RECEIVED = "received"
    SCHEMA_READY = "schema_ready"
    FLOWS_CREATED = "flows_created"
    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"
    IGNORED = "ignored"  # an older revision, after a newer one
    FAILED = "failed"


class DataFlowStatusChanged(Contract):
    """Account 2's answer: what has become of a revision."""

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    revision: int
    status: DataFlowStatus
    reason: str | None = None  # a stable word, of a failure or of what was ignored
    message: str = ""
    occurred_at: Aware


class RunStatus(StrEnum):
    """How far one run of one report has come."""

    STARTED = "started"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFRESHED = "refreshed"
    UNLOADED = "unloaded"


class DataFlowRunReported(Contract):
    """Account 2's news of a run: AppFlow's own, or the refresh and unload that followed it."""

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    property_id: PropertyId
    report: ReportSlug
    run_id: RunId
    execution_id: str | None = None
    status: RunStatus
    start_date: date
    end_date: date
    rows: Annotated[int, Field(ge=0)] = 0
    rows_rejected: Annotated[int, Field(ge=0)] = 0
    message: str = ""
    occurred_at: Aware


EVENTS: Final[dict[str, type[Contract]]] = {
    model.__name__: model
    for model in (
        RegisterDataFlow,
        RunDataFlow,
        DataFlowDaysCounted,
        DataFlowStatusChanged,
        DataFlowRunReported,
        DataFlowIncidentChanged,
        DataFlowRemedyReported,
        WarehouseOutageChanged,
    )
}


def parse_register_data_flow(detail: object) -> RegisterDataFlow:
    """Return the event in `detail`, the decoded JSON of a `RegisterDataFlow` event.

    Raises InvalidDataFlowError with the first member at fault and what to do about it.
    """
    event = _parse(RegisterDataFlow, detail)
    check_size(event)
    return event


def parse_run_data_flow(detail: object) -> RunDataFlow:
    """Return the event in `detail`, the decoded JSON of a `RunDataFlow` event.

    Raises InvalidDataFlowError with the first member at fault and what to do about it.
    """
    return _parse(RunDataFlow, detail)


def parse_days_counted(detail: object) -> DataFlowDaysCounted:
    """Return the event in `detail`, the decoded JSON of a `DataFlowDaysCounted` event.

    Raises InvalidDataFlowError with the first member at fault and what to do about it.
    """
    return _parse(DataFlowDaysCounted, detail)


def _parse(model: type[_Event], detail: object) -> _Event:
    try:
        return model.model_validate(detail)
    except ValidationError as error:
        raise InvalidDataFlowError(first_problem(error), reason=error.errors()[0]["type"]) from error


def today_in(time_zone: str, at: datetime) -> date:
    """Return the date it is in a property's time zone at the aware moment `at`."""
    return at.astimezone(ZoneInfo(time_zone)).date()
