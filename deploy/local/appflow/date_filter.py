"""Which days a run reads, and which rows: the flow's Filter tasks as Google's report request has them.

Nobody could confirm how the real connector takes a filter on `date`: everything assumed is in this module.
"""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

from deploy.local.appflow.entities import DATE
from deploy.local.appflow.tasks import Task

_EPOCH_MILLISECONDS: Final = re.compile(r"-?\d{1,15}")
_DAY: Final = timedelta(days=1)
# Without a filter the connector reads thirty days; Google counts them in the property's time zone.
_WITHOUT_FILTER: Final = {"startDate": "30daysAgo", "endDate": "yesterday"}


def read_day(text: str) -> date:
    """Return the day a filter's value names: epoch milliseconds of its midnight in UTC. Raises ValueError."""
    if not _EPOCH_MILLISECONDS.fullmatch(text):
        raise ValueError(f"{text!r} is not a number of milliseconds since 1970.")
    try:
        at = datetime.fromtimestamp(int(text) / 1000, UTC)
    except (OverflowError, OSError, ValueError) as error:
        raise ValueError(f"{text!r} is no moment: {error}.") from error
    if at.timetz().replace(tzinfo=None) != datetime.min.time():
        raise ValueError(f"{text!r} is not midnight in UTC.")
    return at.date()


def date_range(tasks: Sequence[Task], *, excludes_bounds: bool) -> dict[str, str] | None:
    """Return the range of days that the tasks ask for, as runReport's dateRanges have it; None: no day at all.

    `excludes_bounds`: whether BETWEEN leaves out the days it names.
    """
    ranges = [_bounds(task, excludes_bounds) for task in tasks if task.is_filter and task.source_fields == [DATE]]
    if not ranges:
        return _WITHOUT_FILTER
    first, last = max(low for low, _ in ranges), min(high for _, high in ranges)
    return {"startDate": first.isoformat(), "endDate": last.isoformat()} if first <= last else None


def dimension_filter(tasks: Sequence[Task]) -> dict[str, Any] | None:
    """Return the filters on dimensions other than the date as one FilterExpression, or None."""
    expressions = [_expression(task) for task in tasks if task.is_filter and task.source_fields != [DATE]]
    return {"andGroup": {"expressions": expressions}} if expressions else None


def _bounds(task: Task, excludes_bounds: bool) -> tuple[date, date]:
    if task.operator == "EQUAL_TO":
        day = read_day(task.properties["VALUE"])
        return day, day
    low, high = read_day(task.properties["LOWER_BOUND"]), read_day(task.properties["UPPER_BOUND"])
    return (low + _DAY, high - _DAY) if excludes_bounds else (low, high)


def _expression(task: Task) -> dict[str, Any]:
    field, values = task.source_fields[0], task.filter_values
    if task.operator == "CONTAINS":
        matches = [_string_filter(field, "CONTAINS", value) for value in values]
        return {"orGroup": {"expressions": matches}}
    chosen = {"filter": {"fieldName": field, "inListFilter": {"values": values, "caseSensitive": True}}}
    return {"notExpression": chosen} if task.operator == "NOT_EQUAL_TO" else chosen


def _string_filter(field: str, match_type: str, value: str) -> dict[str, Any]:
    string_filter = {"matchType": match_type, "value": value, "caseSensitive": True}
    return {"filter": {"fieldName": field, "stringFilter": string_filter}}
