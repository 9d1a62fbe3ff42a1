"""What may be asked of the reports: one model for the API's two forms and for the pages."""

from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from dataflows.contracts.values import PropertyId

MAX_LIMIT: Final = 10_000
MAX_DAYS: Final = 1_100
MAX_FILTER_VALUES: Final = 200  # in all: each is compared with every row

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,62}$")]


class Granularity(StrEnum):
    """How dates are grouped."""

    TOTAL = "total"
    DAY = "day"
    WEEK = "week"
    MONTH = "month"


class FilterOperator(StrEnum):
    """How a filter compares a dimension with its values."""

    IS = "is"
    IS_NOT = "is_not"
    CONTAINS = "contains"
    CONTAINS_NOT = "contains_not"


FilterValue = Annotated[str, Field(max_length=1_000)]  # a constraint makes pydantic refuse half a character pair
FilterValues = Annotated[tuple[FilterValue, ...], Field(min_length=1, max_length=100)]
Filter = tuple[FilterOperator, Name, FilterValues]
Order = tuple[Name, Literal["asc", "desc"]]


class _Strict(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Include(_Strict):
    """What else the answer is to hold."""

    totals: bool = False
    total_rows: bool = False
    components: bool = False


class Pagination(_Strict):
    """Which rows of the answer."""

    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)] = 1_000
    offset: Annotated[int, Field(ge=0, le=10_000_000)] = 0


class Query(_Strict):
    """Metrics of one report, grouped by dimensions and dates. Both dates are included."""

    property_ids: Annotated[tuple[PropertyId, ...], Field(min_length=1, max_length=350)]
    report: Name = "daily_totals"
    metrics: Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
    dimensions: Annotated[tuple[Name, ...], Field(max_length=10)] = ()
    date_range: tuple[date, date]
    granularity: Granularity = Granularity.TOTAL
    filters: Annotated[tuple[Filter, ...], Field(max_length=10)] = ()
    order_by: Annotated[tuple[Order, ...], Field(max_length=10)] = ()
    include: Include = Include()
    pagination: Pagination = Pagination()

    @model_validator(mode="after")
    def _range_is_sound(self) -> Self:
        start, end = self.date_range
        if end < start:
            raise PydanticCustomError("range_backwards", "The last day lies before the first.")
        if (end - start).days >= MAX_DAYS:
            raise PydanticCustomError("range_too_long", "At most {days} days can be asked for.", {"days": MAX_DAYS})
        return self

    @model_validator(mode="after")
    def _filters_are_few(self) -> Self:
        if sum(len(values) for _, _, values in self.filters) > MAX_FILTER_VALUES:
            raise PydanticCustomError(
                "too_many_values", "All filters together may hold {most} values.", {"most": MAX_FILTER_VALUES}
            )
        return self

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        names = (*self.dimensions, *self.metrics)
        if len(set(names)) != len(names) or len(set(self.property_ids)) != len(self.property_ids):
            raise PydanticCustomError("repeated", "A property, dimension or metric is named twice.")
        return self
