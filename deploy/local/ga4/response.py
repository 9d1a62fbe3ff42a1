"""Writes reports and metadata in the JSON of the Data API; members that are empty are left out, as in proto3."""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

import numpy as np

from deploy.local.ga4.fields import CUSTOM_PREFIXES, DATE_RANGE, DIMENSIONS, METRICS, MetricField, custom_dimension
from deploy.local.ga4.properties import Property
from deploy.local.ga4.report import Report
from deploy.local.ga4.report_request import ReportRequest
from deploy.local.ga4.values import MetricValues

_AGGREGATIONS: Final[dict[str, tuple[str, str, Callable[[Any], Any]]]] = {
    "TOTAL": ("totals", "RESERVED_TOTAL", np.sum),
    "MAXIMUM": ("maximums", "RESERVED_MAX", np.max),
    "MINIMUM": ("minimums", "RESERVED_MIN", np.min),
}


def report_json(prop: Property, request: ReportRequest, report: Report, quota: dict[str, Any]) -> dict[str, Any]:
    """Return a RunReportResponse with the page of rows that the request asks for."""
    first = request.message.offset
    page = report.take(np.arange(min(first, report.row_count), min(first + request.limit, report.row_count)))
    members = {
        "dimensionHeaders": [{"name": name} for name in request.dimensions],
        "metricHeaders": [{"name": name, "type": METRICS[name].type} for name in request.shown_metrics],
        "rows": _rows(page, request.shown_metrics),
        "rowCount": report.row_count,
        "metadata": _metadata(prop, report),
        "propertyQuota": quota if request.message.return_property_quota else {},
        **_aggregates(request, report),
    }
    return {**{name: value for name, value in members.items() if value}, "kind": "analyticsData#runReport"}


def dimension_metadata(api_name: str) -> dict[str, Any]:
    """Return a DimensionMetadata."""
    field = DIMENSIONS.get(api_name) or custom_dimension(api_name)
    is_custom = {"customDefinition": True} if api_name.startswith(CUSTOM_PREFIXES) else {}
    return {"apiName": api_name, "uiName": field.ui_name, "category": str(field.scope), **is_custom}


def metric_metadata(api_name: str) -> dict[str, Any]:
    """Return a MetricMetadata."""
    field: MetricField = METRICS[api_name]
    return {"apiName": api_name, "uiName": field.ui_name, "category": str(field.scope), "type": field.type}


def metadata_json(property_id: str, dimensions: Iterable[str], metrics: Iterable[str]) -> dict[str, Any]:
    """Return the Metadata resource of a property (`0`: what all properties have)."""
    return {
        "name": f"properties/{property_id}/metadata",
        "dimensions": [dimension_metadata(name) for name in sorted(dimensions)],
        "metrics": [metric_metadata(name) for name in sorted(metrics)],
    }


def _rows(report: Report, metrics: Sequence[str]) -> list[dict[str, Any]]:
    dimensions = _by_row([column.texts() for column in report.dimensions.values()], report.row_count)
    values = _by_row([report.metrics[name].texts() for name in metrics], report.row_count)
    return [
        {name: cells for name, cells in (("dimensionValues", one), ("metricValues", two)) if cells}
        for one, two in zip(dimensions, values, strict=True)
    ]


def _by_row(columns: list[list[str]], row_count: int) -> list[list[dict[str, str]]]:
    if not columns:
        return [[] for _ in range(row_count)]
    return [[{"value": value} for value in row] for row in zip(*columns, strict=True)]


def _metadata(prop: Property, report: Report) -> dict[str, Any]:
    metadata: dict[str, Any] = {
        "currencyCode": prop.settings.currency_code,
        "timeZone": prop.settings.time_zone,
    }
    if report.has_other_row:
        metadata["dataLossFromOtherRow"] = True
    if report.is_thresholded:
        metadata["subjectToThresholding"] = True
    return metadata


def _aggregates(request: ReportRequest, report: Report) -> dict[str, Any]:
    """Return the rows of totals, maximums and minimums: over all rows of the report, not only of the page."""
    asked = [type(request.message).DESCRIPTOR.fields_by_name["metric_aggregations"].enum_type.values_by_number]
    names = [asked[0][number].name for number in request.message.metric_aggregations]
    return {
        member: _aggregate_rows(request, report, reserved, function)
        for member, reserved, function in (_AGGREGATIONS[name] for name in names if name in _AGGREGATIONS)
    }


def _aggregate_rows(
    request: ReportRequest, report: Report, reserved: str, function: Callable[[Any], Any]
) -> list[dict[str, Any]]:
    ranges = report.dimensions.get(DATE_RANGE)
    rows = []
    for one in request.ranges:
        inside = ranges.where(one.name.__eq__) if ranges else slice(None)
        values = [_aggregate(report.metrics[name], inside, function) for name in request.shown_metrics]
        labels = [one.name if name == DATE_RANGE else reserved for name in request.dimensions]
        row = {"dimensionValues": _cells(labels), "metricValues": _cells(values)}
        rows.append({name: cells for name, cells in row.items() if cells})
    return rows


def _aggregate(values: MetricValues, rows: Any, function: Callable[[Any], Any]) -> str:
    numbers = values.numbers[rows]
    whole = np.array([function(numbers)]) if len(numbers) else np.zeros(1, dtype=numbers.dtype)
    return MetricValues(whole, values.in_millionths).texts()[0]


def _cells(texts: list[str]) -> list[dict[str, str]]:
    return [{"value": text} for text in texts]
