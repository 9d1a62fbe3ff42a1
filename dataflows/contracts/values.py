"""What events are made of: their base, the values that their members have, and what in them is refused."""

from datetime import date, datetime
from typing import Annotated, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer, ValidationError
from pydantic_core import PydanticCustomError

from dataflows.contracts import naming
from dataflows.contracts.errors import InvalidDataFlowError

EARLIEST_START_DATE: Final = date(2015, 8, 14)  # GA4's API takes no earlier date
TOO_EARLY: Final = f"Choose {EARLIEST_START_DATE} or later: Google Analytics has nothing before."
_YEARS: Final = (2000, 2999)


class Contract(BaseModel):
    """What all events and their parts have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_max_length=2000)


def _property_id(value: str) -> str:
    try:
        return naming.checked_property_id(value)
    except InvalidDataFlowError as error:
        raise PydanticCustomError(error.reason, "{help}", {"help": str(error)}) from error


def _display_name(value: str) -> str:
    try:
        return naming.checked_display_name(value)
    except InvalidDataFlowError as error:
        raise PydanticCustomError(error.reason, "{help}", {"help": str(error)}) from error


def _time_zone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise PydanticCustomError(
            "unknown_time_zone", "Choose a time zone by its IANA name, such as Europe/Berlin."
        ) from error
    return value


def _moment(value: datetime) -> datetime:
    if not _YEARS[0] <= value.year <= _YEARS[1]:  # beyond them it may not even be told in UTC
        raise PydanticCustomError("impossible_moment", "This moment can't be.")
    return value


def _start_date(value: date) -> date:
    if value < EARLIEST_START_DATE:
        raise PydanticCustomError("start_date_too_early", "{help}", {"help": TOO_EARLY})
    return value


PropertyId = Annotated[str, AfterValidator(_property_id)]
DisplayName = Annotated[str, Field(min_length=1, max_length=100), AfterValidator(_display_name)]
TimeZone = Annotated[str, AfterValidator(_time_zone)]
StartDate = Annotated[date, AfterValidator(_start_date), Field(description=f"{EARLIEST_START_DATE} or later.")]
CurrencyCode = Annotated[str, Field(pattern=r"^[A-Z]{3}$")]
ConnectorProfile = Annotated[str, Field(pattern=naming.CONNECTOR_PROFILE_PATTERN)]
Requester = Annotated[  # who asked: free text, which is shown and decides nothing
    str, Field(min_length=1, max_length=150), AfterValidator(_display_name)
]
RunId = Annotated[str, Field(pattern=naming.RUN_ID_PATTERN)]
ReportSlug = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
ApiName = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_:]{0,60}$")]
FilterValue = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^,\x00-\x1f\x7f]*$")]
Aware = Annotated[
    AwareDatetime,
    AfterValidator(_moment),
    PlainSerializer(lambda at: at.isoformat(), return_type=str, when_used="json"),
]


def first_problem(error: ValidationError) -> str:
    """Return in words which member is at fault first, and why; what it holds is not repeated."""
    first = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(str(step) for step in first["loc"]) or "event"
    return f"{where}: {first['msg']}"
