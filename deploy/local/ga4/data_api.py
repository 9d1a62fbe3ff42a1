"""The Data API's methods: reports, metadata and compatibility."""

from datetime import datetime
from typing import Any

from deploy.local.ga4.compatibility import is_compatible
from deploy.local.ga4.fields import DIMENSIONS, METRICS
from deploy.local.ga4.properties import Property
from deploy.local.ga4.quota import PropertyQuota, token_cost
from deploy.local.ga4.report import run_report
from deploy.local.ga4.report_request import (
    ReportRequest,
    check_names,
    dimension_names,
    metric_names,
    parse_batch,
    parse_compatibility,
    parse_report,
)
from deploy.local.ga4.response import dimension_metadata, metadata_json, metric_metadata, report_json


def run_report_json(prop: Property, quota: PropertyQuota, body: bytes, now: datetime) -> dict[str, Any]:
    """Answer runReport."""
    with quota.request(now):
        return _answer(prop, quota, parse_report(body, prop, now), now)


def batch_run_reports_json(prop: Property, quota: PropertyQuota, body: bytes, now: datetime) -> dict[str, Any]:
    """Answer batchRunReports: all reports or, if one is refused, none."""
    with quota.request(now):
        reports = [_answer(prop, quota, request, now) for request in parse_batch(body, prop, now)]
    return {"reports": reports, "kind": "analyticsData#batchRunReports"}


def property_metadata_json(prop: Property) -> dict[str, Any]:
    """Answer getMetadata for one property: its custom fields included."""
    return metadata_json(prop.property_id, prop.source.dimension_names(), prop.source.metric_names())


def universal_metadata_json() -> dict[str, Any]:
    """Answer getMetadata for property 0: the fields that all properties have."""
    return metadata_json("0", DIMENSIONS, METRICS)


def check_compatibility_json(prop: Property, body: bytes) -> dict[str, Any]:
    """Answer checkCompatibility: which fields could be added to those of the request.

    Raises GoogleApiError (INVALID_ARGUMENT) for unknown fields; fields of the request that do not go together
    are reported as incompatible.
    """
    message = parse_compatibility(body)
    dimensions, metrics = dimension_names(message.dimensions), metric_names(message.metrics)
    check_names(prop, dimensions, metrics)
    wanted = (
        type(message)
        .DESCRIPTOR.fields_by_name["compatibility_filter"]
        .enum_type.values_by_number[message.compatibility_filter]
        .name
    )
    answers = {
        "dimensionCompatibilities": [
            ("dimensionMetadata", dimension_metadata(name), all(is_compatible(name, one) for one in metrics))
            for name in sorted(prop.source.dimension_names())
        ],
        "metricCompatibilities": [
            ("metricMetadata", metric_metadata(name), all(is_compatible(one, name) for one in dimensions))
            for name in sorted(prop.source.metric_names())
        ],
    }
    return {member: _compatibilities(fields, wanted) for member, fields in answers.items()}


def _compatibilities(fields: list[tuple[str, dict[str, Any], bool]], wanted: str) -> list[dict[str, Any]]:
    named = [
        {member: metadata, "compatibility": "COMPATIBLE" if is_good else "INCOMPATIBLE"}
        for member, metadata, is_good in fields
    ]
    return [one for one in named if wanted in {"COMPATIBILITY_UNSPECIFIED", one["compatibility"]}]


def _answer(prop: Property, quota: PropertyQuota, request: ReportRequest, now: datetime) -> dict[str, Any]:
    report = run_report(prop, request, now)
    charged = quota.charge(token_cost(report.row_count, len(request.dimensions) + len(request.metrics)))
    return report_json(prop, request, report, charged)
