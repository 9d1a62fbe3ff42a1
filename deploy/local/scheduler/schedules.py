"""The schedules and groups of every account and region, and what makes a schedule acceptable."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo, available_timezones

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.scheduler.client_tokens import Tokens
from deploy.local.scheduler.expressions import (
    InvalidExpressionError,
    Rate,
    Recurrence,
    parse_at,
    parse_cron,
    parse_spaced_rate,
)
from deploy.local.scheduler.service_model import Members, validation_error
from deploy.local.scheduler.timetable import Timetable

DEFAULT_GROUP: Final = "default"
_JUST_BEFORE: Final = timedelta(microseconds=1)


@dataclass
class Schedule:
    """A schedule: `definition` holds the members it was made with; a disabled one has no timetable."""

    account_id: str
    region: str
    definition: Members
    created_at: datetime
    modified_at: datetime
    timetable: Timetable | None

    @property
    def arn(self) -> str:
        """Its ARN, in which its group is named."""
        name = f"{self.group_name}/{self.definition['Name']}"
        return f"arn:aws:scheduler:{self.region}:{self.account_id}:schedule/{name}"

    @property
    def group_name(self) -> str:
        """The group it is in."""
        return str(self.definition["GroupName"])

    @property
    def is_deleted_after_completion(self) -> bool:
        """Whether it goes away when nothing is due any more."""
        return str(self.definition["ActionAfterCompletion"]) == "DELETE"


@dataclass(frozen=True)
class Group:
    """A group of schedules."""

    arn: str
    name: str
    created_at: datetime


@dataclass
class SchedulerRegion:
    """What one account has in one region; schedules by group and name."""

    groups: dict[str, Group] = field(default_factory=dict)
    schedules: dict[tuple[str, str], Schedule] = field(default_factory=dict)
    tokens: Tokens = field(default_factory=dict)


def make_schedule(members: Members, caller: Caller, now: datetime, created_at: datetime) -> Schedule:
    """Return the schedule a request describes. Raises ServiceError ValidationException when it can't work."""
    definition = _with_defaults(members)
    check_target(definition["Target"])
    if definition["FlexibleTimeWindow"] != {"Mode": "OFF"}:
        raise validation_error('The local scheduler knows FlexibleTimeWindow {"Mode": "OFF"} only.')
    timetable = _timetable(definition, now)
    is_enabled = definition["State"] == "ENABLED"
    return Schedule(caller.account_id, caller.region, definition, created_at, now, timetable if is_enabled else None)


def _with_defaults(members: Members) -> Members:
    defaults = {
        "GroupName": DEFAULT_GROUP,
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        "ActionAfterCompletion": "NONE",
    }
    return {**defaults, **{name: value for name, value in members.items() if name != "ClientToken"}}


def _timetable(definition: Members, now: datetime) -> Timetable:
    start_at, end_at = (_moment(definition, name) for name in ("StartDate", "EndDate"))
    if start_at and end_at and start_at >= end_at:
        raise validation_error("StartDate must be before EndDate.")
    try:
        recurrence = _recurrence(definition, start_at or now)
    except InvalidExpressionError as error:
        raise validation_error(f"Invalid Schedule Expression {error}") from error
    # What is due at the very moment of the start is due: a rate begins with it.
    return Timetable(recurrence, max(start_at or now, now) - _JUST_BEFORE, end_at)


def _recurrence(definition: Members, first_at: datetime) -> Recurrence:
    zone_name, expression = definition["ScheduleExpressionTimezone"], definition["ScheduleExpression"]
    if zone_name not in available_timezones():
        raise validation_error(f"The ScheduleExpressionTimezone {zone_name!r} is not a valid timezone.")
    match expression.partition("(")[0]:
        case "rate":
            return Rate(parse_spaced_rate(expression), first_at)
        case "at":
            return parse_at(expression, ZoneInfo(zone_name))
        case _:
            return parse_cron(expression, ZoneInfo(zone_name))


def _moment(definition: Members, name: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(definition[name], UTC) if name in definition else None
    except (OverflowError, ValueError, OSError) as error:
        raise validation_error(f"{name} is no date: {error}.") from error


def check_target(target: Members) -> None:
    """Refuse a target that could never be reached. Raises ServiceError ValidationException."""
    arn = target["Arn"].split(":", 5)
    if len(arn) != 6 or arn[2] not in ("sqs", "events"):
        raise validation_error(f"{target['Arn']}: the local scheduler knows queues and event buses as targets only.")
    if arn[2] == "sqs":
        _check_queue_target(target)
    else:
        _check_bus_target(target)


def _check_queue_target(target: Mapping[str, Members]) -> None:
    has_group = bool(target.get("SqsParameters", {}).get("MessageGroupId"))
    if str(target["Arn"]).endswith(".fifo") != has_group:
        raise validation_error("SqsParameters.MessageGroupId is required for a FIFO queue, and for no other.")


def _check_bus_target(target: Members) -> None:
    if "EventBridgeParameters" not in target:
        raise validation_error("EventBridgeParameters is required for an event bus.")
    try:
        is_object = isinstance(json.loads(target.get("Input", "{}")), dict)
    except ValueError:
        is_object = False
    if not is_object:
        raise validation_error("Input must be a JSON object for an event bus.")


def not_found(kind: str, name: str) -> ServiceError:
    """Return the error for a schedule or a group that is not there."""
    return ServiceError("ResourceNotFoundException", f"{kind} {name} does not exist.", 404)
