"""Runs a report: selects, groups, computes, filters and orders."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np

from deploy.local.ga4.coded import Booleans, Coded, Groups, Integers, ranks
from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.event_table import EventTable
from deploy.local.ga4.fields import DATE, DEMOGRAPHIC, WINDOW_DAYS
from deploy.local.ga4.filters import filter_mask, metric_rows
from deploy.local.ga4.metrics import Cells, EventMetrics
from deploy.local.ga4.properties import Property
from deploy.local.ga4.report_request import ReportRequest
from deploy.local.ga4.selection import Table, Window, group_selection, select
from deploy.local.ga4.values import MetricValues


@dataclass(frozen=True)
class Report:
    """All rows of a report, in order; `dimensions` and `metrics` hold one column each, in the order asked for."""

    row_count: int
    dimensions: dict[str, Coded]
    metrics: dict[str, MetricValues]
    has_other_row: bool = False
    is_thresholded: bool = False

    def take(self, rows: Integers) -> "Report":
        """Return the report with these rows only, in this order."""
        return replace(
            self,
            row_count=len(rows),
            dimensions={name: column.take(rows) for name, column in self.dimensions.items()},
            metrics={name: values.take(rows) for name, values in self.metrics.items()},
        )


def run_report(prop: Property, request: ReportRequest, now: datetime) -> Report:
    """Return the whole report that `request` asks for, as Google would see it at `now`.

    Raises GoogleApiError (INVALID_ARGUMENT) for fields, filters or orders that cannot be answered.
    """
    table = prop.source.for_fields(frozenset(request.table_dimensions), request.filtered_dimensions, request.metrics)
    selection = select(table, request.ranges, now, request.message.dimension_filter, _window(request))
    groups, has_other_row = group_selection(selection, request.dimensions, prop.settings.cardinality_limit)
    cells = selection.cells(groups)
    report = Report(
        groups.count,
        dict(zip(request.dimensions, groups.columns, strict=True)),
        {name: _measure(table, name, cells) for name in request.metrics},
        has_other_row,
    )
    report = _withhold(report, table, groups, cells, prop.settings.minimum_users)
    report = _filtered(report, request.message)
    return report.take(_order(report, request.message.order_bys))


def _window(request: ReportRequest) -> Window | None:
    days = max((WINDOW_DAYS.get(name, 0) for name in request.metrics), default=0)
    others = tuple(name for name in request.table_dimensions if name != DATE)
    return Window(days, DATE in request.dimensions, others) if days else None


def _measure(table: Table, metric: str, cells: Cells) -> MetricValues:
    if isinstance(table, EventTable):
        return EventMetrics(table, cells).compute(metric)
    return table.measure(metric, cells)


def _withhold(report: Report, table: Table, groups: Groups, cells: Cells, minimum_users: int | None) -> Report:
    is_demographic = not DEMOGRAPHIC.isdisjoint(report.dimensions)
    if minimum_users is None or not is_demographic or not isinstance(table, EventTable):
        return report
    shown = EventMetrics(table, cells).users() >= minimum_users
    return replace(report.take(np.flatnonzero(shown)), is_thresholded=groups.count > int(shown.sum()))


def _filtered(report: Report, message: Any) -> Report:
    kept: Booleans = np.ones(report.row_count, dtype=np.bool_)
    if report.metrics and not message.keep_empty_rows:
        kept = np.logical_or.reduce([values.numbers != 0 for values in report.metrics.values()])
    mask = filter_mask(message.metric_filter, lambda one: metric_rows(report.metrics[one.field_name], one))
    if mask is not None:
        kept = kept & mask
    return report.take(np.flatnonzero(kept))


def _order(report: Report, order_bys: Any) -> Integers:
    """Return the rows in the order asked for, then by the first metric, then by all dimensions: paging needs one."""
    keys: list[Any] = [_order_key(report, one) for one in order_bys]
    keys += [-values.numbers for values in list(report.metrics.values())[:1]]
    keys += [ranks(column.values)[column.codes] for column in report.dimensions.values()]
    return np.lexsort(keys[::-1]) if keys else np.arange(report.row_count)


def _order_key(report: Report, order_by: Any) -> Any:
    kind = order_by.WhichOneof("one_order_by")
    if kind == "metric" and order_by.metric.metric_name in report.metrics:
        key: Any = report.metrics[order_by.metric.metric_name].numbers
    elif kind == "dimension" and order_by.dimension.dimension_name in report.dimensions:
        key = _dimension_key(report.dimensions[order_by.dimension.dimension_name], order_by.dimension)
    else:
        raise invalid_argument("An orderBy must name a dimension or a metric that the request asks for.")
    return -key if order_by.desc else key


def _dimension_key(column: Coded, order: Any) -> Any:
    order_type = type(order).OrderType.Name(order.order_type)
    if order_type == "NUMERIC":
        return np.array([_number(value) for value in column.values])[column.codes]
    fold = str.casefold if order_type == "CASE_INSENSITIVE_ALPHANUMERIC" else str
    return ranks(column.values, fold)[column.codes]


def _number(value: str) -> float:
    try:
        return float(value)
    except ValueError:
        return -np.inf  # as in Google's: what is not a number comes before all numbers
