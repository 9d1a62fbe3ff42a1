"""What MySQL holds of a data flow's days, as counted in Account 1: the event that Account 2 compares with its own."""

from datetime import date
from typing import Annotated, Final, Literal, Self
from uuid import UUID

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from dataflows.contracts.values import Aware, Contract, PropertyId, ReportSlug

MAX_RANGES_PER_EVENT: Final = 300  # of about 90 bytes each: an event stays far below 64 KB
MAX_DIFFERING_DAYS: Final = 100  # of one report in one event; the others are counted once these are mended

_Rows = Annotated[int, Field(ge=0)]


class _Days(Contract):
    start_date: date
    end_date: date

    @model_validator(mode="after")
    def _range_is_forward(self) -> Self:
        if self.end_date < self.start_date:
            raise PydanticCustomError("range_backwards", "The last day lies before the first.")
        return self


class HeldDays(_Days):
    """Consecutive days that MySQL holds in the same generation."""

    generation: Annotated[int, Field(ge=1)]
    is_counted: Annotated[bool, Field(description="Whether their rows were counted and summed just now.")]


class DifferingDay(Contract):
    """A day that was counted and is not what was loaded; with as many rows, their sums differ."""

    date: date
    generation: Annotated[int, Field(ge=1)]
    rows_loaded: Annotated[_Rows, Field(description="As the loader's ledger has it.")]
    rows_held: Annotated[_Rows, Field(description="As MySQL has it.")]


class CountedReport(_Days):
    """What MySQL holds of one report from the first to the last of these days: of a day not named, nothing."""

    report: ReportSlug
    held: Annotated[tuple[HeldDays, ...], Field(max_length=MAX_RANGES_PER_EVENT)] = ()
    differing: Annotated[tuple[DifferingDay, ...], Field(max_length=MAX_DIFFERING_DAYS)] = ()


class DataFlowDaysCounted(Contract):
    """Account 1's statement of what MySQL holds; the next one says it again, so one may be lost."""

    schema_version: Literal[1] = 1
    event_id: UUID
    correlation_id: UUID
    data_flow_id: UUID
    property_id: PropertyId
    reports: Annotated[tuple[CountedReport, ...], Field(min_length=1, max_length=MAX_RANGES_PER_EVENT)]
    occurred_at: Annotated[Aware, Field(description="By MyApp's clock, which real loads take their time by.")]
