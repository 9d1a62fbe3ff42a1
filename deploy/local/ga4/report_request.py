"""A runReport request, read with Google's own message types and checked as Google checks it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from difflib import get_close_matches
from typing import Any, Final

from google.analytics.data_v1beta.types import BatchRunReportsRequest, CheckCompatibilityRequest, RunReportRequest
from google.protobuf import json_format

from deploy.local.ga4.compatibility import require_compatible
from deploy.local.ga4.date_ranges import DateRange, resolve_date_ranges
from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.fields import DATE_PARTS_WITHOUT_DATE, DATE_RANGE, WINDOW_DAYS
from deploy.local.ga4.filters import filtered_fields
from deploy.local.ga4.properties import Property

_MAX_DIMENSIONS: Final = 9
_MAX_METRICS: Final = 10
_MAX_LIMIT: Final = 250_000
_DEFAULT_LIMIT: Final = 10_000
_MAX_BATCH: Final = 5
_NOT_EMULATED: Final = ("cohort_spec", "comparisons")


@dataclass(frozen=True)
class ReportRequest:
    """A checked request; `dimensions` and `metrics` are API names in the order asked for."""

    message: Any
    ranges: tuple[DateRange, ...]
    dimensions: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def shown_metrics(self) -> tuple[str, ...]:
        """The metrics that get a column in the answer."""
        hidden = {one.name for one in self.message.metrics if one.invisible}
        return tuple(name for name in self.metrics if name not in hidden)

    @property
    def limit(self) -> int:
        """How many rows the answer may have: Google cuts what is asked for, it does not refuse it."""
        return min(self.message.limit or _DEFAULT_LIMIT, _MAX_LIMIT)

    @property
    def table_dimensions(self) -> tuple[str, ...]:
        """The dimensions that come from the data."""
        return tuple(name for name in self.dimensions if name != DATE_RANGE)

    @property
    def filtered_dimensions(self) -> frozenset[str]:
        """The dimensions that the dimension filter looks at."""
        return frozenset(filtered_fields(self.message.dimension_filter))


def parse_report(body: bytes, prop: Property, now: datetime) -> ReportRequest:
    """Return the request in a runReport body.

    Raises GoogleApiError (INVALID_ARGUMENT) naming what is wrong.
    """
    return check_report(_parse(body, RunReportRequest), prop, now)


def parse_batch(body: bytes, prop: Property, now: datetime) -> list[ReportRequest]:
    """Return the requests in a batchRunReports body; raises as `parse_report`."""
    batch = _parse(body, BatchRunReportsRequest)
    if len(batch.requests) > _MAX_BATCH:
        raise invalid_argument(f"A batch holds at most {_MAX_BATCH} requests, this one has {len(batch.requests)}.")
    for one in batch.requests:
        if one.property not in {"", f"properties/{prop.property_id}"}:
            raise invalid_argument(f"The request for {one.property} is in a batch for {prop.property_id}.")
    return [check_report(one, prop, now) for one in batch.requests]


def parse_compatibility(body: bytes) -> Any:
    """Return a checkCompatibility request; raises GoogleApiError (INVALID_ARGUMENT) if it cannot be read."""
    return _parse(body, CheckCompatibilityRequest)


def check_report(message: Any, prop: Property, now: datetime) -> ReportRequest:
    """Check a RunReportRequest message; raises GoogleApiError (INVALID_ARGUMENT) naming what is wrong."""
    for member in _NOT_EMULATED:
        if message.HasField(member) if member == "cohort_spec" else len(getattr(message, member)):
            raise invalid_argument(f"{member} is not emulated. Ask for a report without it.")
    dimensions, metrics = dimension_names(message.dimensions), metric_names(message.metrics)
    _check_amounts(message, dimensions, metrics)
    check_names(prop, [*dimensions, *filtered_fields(message.dimension_filter)], metrics)
    require_compatible([*dimensions, *filtered_fields(message.dimension_filter)], metrics)
    _check_references(message, metrics)
    _check_currency(message, prop)
    ranges = resolve_date_ranges(message.date_ranges, now, prop.settings.time_zone)
    if len(ranges) > 1 and DATE_RANGE not in dimensions:
        dimensions = (*dimensions, DATE_RANGE)
    return ReportRequest(message, tuple(ranges), dimensions, metrics)


def check_names(prop: Property, dimensions: Iterable[str], metrics: Iterable[str]) -> None:
    """Refuse (INVALID_ARGUMENT) the first field that the property does not have."""
    known = {"dimension": prop.source.dimension_names() | {DATE_RANGE}, "metric": prop.source.metric_names()}
    for kind, names in (("dimension", dimensions), ("metric", metrics)):
        for name in names:
            if name not in known[kind]:
                raise invalid_argument(_unknown_field(kind, name, known[kind]))


def dimension_names(dimensions: Any) -> tuple[str, ...]:
    """Return the names of Dimension messages; raises GoogleApiError for an expression or a repeated name."""
    if any(one.HasField("dimension_expression") for one in dimensions):
        raise invalid_argument("dimensionExpression is not emulated. Name the dimension alone.")
    return _distinct("dimension", [one.name for one in dimensions])


def metric_names(metrics: Any) -> tuple[str, ...]:
    """Return the names of Metric messages; raises GoogleApiError for an expression or a repeated name."""
    if any(one.expression for one in metrics):
        raise invalid_argument("A metric's expression is not emulated. Name the metric alone.")
    return _distinct("metric", [one.name for one in metrics])


def _parse(body: bytes, message_type: Any) -> Any:
    try:
        return json_format.Parse(body or b"{}", message_type.pb()())
    except (json_format.ParseError, UnicodeDecodeError) as error:
        raise invalid_argument(f"Invalid JSON payload received. {str(error)[:500]}") from error


def _distinct(kind: str, names: list[str]) -> tuple[str, ...]:
    if len(set(names)) < len(names):
        raise invalid_argument(f"A {kind} is asked for twice: {names}.")
    return tuple(names)


def _check_amounts(message: Any, dimensions: tuple[str, ...], metrics: tuple[str, ...]) -> None:
    if len(dimensions) > _MAX_DIMENSIONS:
        raise invalid_argument(f"Requests are limited to {_MAX_DIMENSIONS} dimensions, this one has {len(dimensions)}.")
    if len(metrics) > _MAX_METRICS:
        raise invalid_argument(f"Requests are limited to {_MAX_METRICS} metrics, this one has {len(metrics)}.")
    if not dimensions and not metrics:
        raise invalid_argument("A request needs at least one dimension or metric.")
    if message.limit < 0 or message.offset < 0:
        raise invalid_argument("limit and offset must not be negative.")
    if any(name in WINDOW_DAYS for name in metrics) and DATE_PARTS_WITHOUT_DATE.intersection(dimensions):
        raise invalid_argument("Rolling users go with the dimension date or without any time dimension.")


def _check_references(message: Any, metrics: tuple[str, ...]) -> None:
    for name in filtered_fields(message.metric_filter):
        if name not in metrics:
            raise invalid_argument(f"The metricFilter looks at {name}, which is not among the request's metrics.")


def _check_currency(message: Any, prop: Property) -> None:
    if message.currency_code not in {"", prop.settings.currency_code}:
        raise invalid_argument(
            f"Conversion to {message.currency_code} is not emulated. The property's currency is "
            f"{prop.settings.currency_code}; leave currencyCode out."
        )


def _unknown_field(kind: str, name: str, known: Iterable[str]) -> str:
    close = get_close_matches(name, sorted(known), n=1)
    hint = f"Did you mean {close[0]}? " if close else ""
    return (
        f"{hint}Field {name[:100]} is not a valid {kind}. For a list of valid dimensions and metrics, see "
        "https://developers.google.com/analytics/devguides/reporting/data/v1/api-schema ."
    )
