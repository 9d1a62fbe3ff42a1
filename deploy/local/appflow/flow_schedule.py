"""When a scheduled flow runs, from its trigger."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from deploy.local.appflow.state import Flow
from deploy.local.scheduler.expressions import (
    InvalidExpressionError,
    Rate,
    Recurrence,
    parse_cron,
    parse_unspaced_rate,
)
from deploy.local.scheduler.service_model import validation_error
from deploy.local.scheduler.timetable import Timetable

_JUST_BEFORE: Final = timedelta(microseconds=1)
_UTC: Final = ZoneInfo("UTC")


def check_trigger(trigger: dict[str, Any]) -> None:
    """Raise ServiceError ValidationException unless it is OnDemand, or Scheduled with a schedule that works."""
    schedule = trigger.get("triggerProperties", {}).get("Scheduled")
    match trigger["triggerType"]:
        case "OnDemand":
            if schedule:
                raise validation_error("An OnDemand flow has no schedule.")
        case "Scheduled":
            if not schedule:
                raise validation_error("A Scheduled flow needs triggerProperties.Scheduled.")
            _check_schedule(schedule)
        case other:
            raise validation_error(f"The connector does not support the trigger type {other}.")


def make_timetable(flow: Flow, since: datetime) -> Timetable:
    """Return when an active flow is due after `since`; its time zone is a label, so cron is in UTC."""
    schedule = flow.schedule
    start_at, end_at = _moment(schedule, "scheduleStartTime"), _moment(schedule, "scheduleEndTime")
    begin_at = max(since, start_at - _JUST_BEFORE) if start_at else since
    return Timetable(_recurrence(schedule, start_at, flow.activated_at or since), begin_at, end_at)


def _check_schedule(schedule: dict[str, Any]) -> None:
    if schedule.get("dataPullMode", "Complete") != "Complete":
        raise validation_error("The local AppFlow emulates the dataPullMode Complete only.")
    start_at, end_at = _moment(schedule, "scheduleStartTime"), _moment(schedule, "scheduleEndTime")
    if start_at and end_at and start_at >= end_at:
        raise validation_error("scheduleStartTime must be before scheduleEndTime.")
    try:
        _recurrence(schedule, None, datetime.now(UTC))
    except InvalidExpressionError as error:
        raise validation_error(f"scheduleExpression: {error}") from error


def _recurrence(schedule: dict[str, Any], start_at: datetime | None, activated_at: datetime) -> Recurrence:
    expression = schedule["scheduleExpression"]
    if expression.startswith("cron"):
        return parse_cron(expression, _UTC)
    interval = parse_unspaced_rate(expression)
    return Rate(interval, start_at or activated_at + interval)


def _moment(schedule: dict[str, Any], name: str) -> datetime | None:
    try:
        return datetime.fromtimestamp(schedule[name], UTC) if name in schedule else None
    except (OverflowError, ValueError, OSError) as error:
        raise validation_error(f"{name} is no date: {error}.") from error
