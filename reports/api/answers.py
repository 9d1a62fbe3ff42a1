"""The bodies of the API's answers."""

from typing import Any

from dataflows.contracts.metrics import COMPUTED_METRICS
from dataflows.contracts.reports import Report
from dataflows.selectors import DataFlow, registered_reports
from reports.api.parsing import query_members
from reports.measures import SUM_DAILY, available_measures
from reports.selectors import QueryResult, ResultRow, freshness


def query_answer(result: QueryResult, data_flows: list[DataFlow]) -> dict[str, Any]:
    """Return the body that answers a query over these data flows."""
    query = result.grouped.query
    answer: dict[str, Any] = {"results": [_row(row, has_parts=query.include.components) for row in result.rows]}
    totals = _totals(result, data_flows)
    if query.include.totals:
        answer["totals"] = totals
    answer["meta"] = _meta(result, totals, data_flows)
    answer["query"] = query_members(query)
    return answer


def _row(row: ResultRow, *, has_parts: bool) -> dict[str, Any]:
    answer: dict[str, Any] = {"dimensions": row.dimensions, "metrics": row.metrics}
    return {**answer, "components": row.components} if has_parts else answer


def _totals(result: QueryResult, data_flows: list[DataFlow]) -> dict[str, Any]:
    """Return the totals; amounts of different currencies have none."""
    money = {measure.name for measure in result.grouped.totals if measure.is_currency}
    is_mixed = _common([flow.currency_code for flow in data_flows]) is None
    return {name: total for name, total in result.totals.items() if not (is_mixed and name in money)}


def _meta(result: QueryResult, totals: dict[str, Any], data_flows: list[DataFlow]) -> dict[str, Any]:
    fresh = freshness(data_flows, result.grouped.report.slug)
    through = [found.data_through for found in fresh if found.data_through]
    query = result.grouped.query
    missing = [name for name in query.metrics if query.include.totals and name not in totals]
    return {
        **({"total_rows": result.total_rows} if query.include.total_rows else {}),
        "currency": _common([flow.currency_code for flow in data_flows]),
        "time_zone": _common([flow.time_zone for flow in data_flows]),
        "data_through": min(through).isoformat() if len(through) == len(fresh) else None,
        "provisional_from": min(found.provisional_from for found in fresh).isoformat(),
        "metric_warnings": dict.fromkeys(missing, "It can't be added up, so it has no total."),
    }


def _common(values: list[str]) -> str | None:
    """Return what all properties share; None where they differ."""
    return values[0] if len(set(values)) == 1 else None


def meta_answer(data_flows: list[DataFlow]) -> dict[str, Any]:
    """Return what can be asked of these data flows."""
    reports = {report: None for data_flow in data_flows for report in registered_reports(data_flow)}
    return {
        "properties": [_property(data_flow) for data_flow in data_flows],
        "reports": [_report(report) for report in reports],
    }


def _property(data_flow: DataFlow) -> dict[str, Any]:
    return {
        "property_id": data_flow.property_id,
        "display_name": data_flow.display_name,
        "time_zone": data_flow.time_zone,
        "currency_code": data_flow.currency_code,
        "reports": [report.slug for report in registered_reports(data_flow)],
    }


def _report(report: Report) -> dict[str, Any]:
    return {
        "slug": report.slug,
        "label": report.label,
        "description": report.description,
        "dimensions": [
            {"name": field.column_name, "api_name": field.api_name, "label": field.label} for field in report.dimensions
        ],
        "metrics": [_metric(report, name) for name in available_measures(report)],
    }


def _metric(report: Report, name: str) -> dict[str, Any]:
    if name in COMPUTED_METRICS:
        ratio = COMPUTED_METRICS[name]
        described = {"label": ratio.label, "type": "ratio", "unit": ratio.unit, "formula": ratio.formula}
        return {"name": name, **described, "is_native_grain_only": ratio.is_native_grain_only}
    field = next(field for field in report.metrics if field.column_name == name.removeprefix(SUM_DAILY))
    is_sum = name.startswith(SUM_DAILY)
    return {
        "name": name,
        "api_name": field.api_name,
        "label": f"Sum of daily {field.label.lower()}" if is_sum else field.label,
        "type": field.type,
        "unit": field.unit,
        "additivity": "over_days" if is_sum else field.additivity,
    }
