"""One page of a report's rows: the dimensions, what may be summed of the metrics, order and search."""

from dataclasses import dataclass
from typing import Final

from dataflows.contracts.reports import Report
from reports.grouping import resolve
from reports.measures import Measure, MeasureError, available_measures
from reports.queries import Include, Pagination, Query
from reports.ranges import DateRange
from reports.selectors import QueryResult, run_query

PAGE_ROWS: Final = 50


@dataclass(frozen=True)
class ReportPage:
    """Rows of one page with their headings, and the totals of what may be summed over everything."""

    result: QueryResult
    dimensions: list[tuple[str, str]]  # name, label
    measures: tuple[Measure, ...]
    order: str
    is_falling: bool
    search: str
    number: int
    pages: int

    @property
    def next_number(self) -> int | None:
        """The next page's number; None on the last."""
        return self.number + 1 if self.number < self.pages else None

    @property
    def previous_number(self) -> int | None:
        """The previous page's number; None on the first."""
        return self.number - 1 if self.number > 1 else None


def report_page(
    property_id: str, report: Report, range_: DateRange, *, order: str, search: str, page_number: int
) -> ReportPage:
    """Return one page of a report over a range.

    `order` is a column's name, with a minus for falling; anything else means the first metric, falling.
    `search` keeps the rows whose first dimension contains it.
    """
    dimensions = [(field.column_name, field.label) for field in report.dimensions]
    names = tuple(name for name, _ in dimensions)
    metrics = _summable_metrics(property_id, report, range_, names)
    column, is_falling = _order(order, (*names, *metrics), metrics)
    query = Query(
        property_ids=(property_id,),
        report=report.slug,
        metrics=metrics,
        dimensions=names,
        date_range=(range_.start_date, range_.end_date),
        filters=(("contains", names[0], (search,)),) if search and names else (),
        order_by=((column, "desc" if is_falling else "asc"),),
        include=Include(totals=True, total_rows=True),
        pagination=Pagination(limit=PAGE_ROWS, offset=(page_number - 1) * PAGE_ROWS),
    )
    result = run_query(query, report)
    pages = max(1, -(-(result.total_rows or 0) // PAGE_ROWS))
    return ReportPage(result, dimensions, result.grouped.measures, column, is_falling, search, page_number, pages)


def _summable_metrics(property_id: str, report: Report, range_: DateRange, names: tuple[str, ...]) -> tuple[str, ...]:
    """Return the metrics that can be answered for whole ranges; users appear as sums of daily counts."""
    dates = (range_.start_date, range_.end_date)
    found = []
    for metric in available_measures(report):
        query = Query(
            property_ids=(property_id,), report=report.slug, metrics=(metric,), dimensions=names, date_range=dates
        )
        try:
            resolve(query, report)
        except MeasureError:
            continue
        found.append(metric)
    return tuple(found)


def _order(order: str, columns: tuple[str, ...], metrics: tuple[str, ...]) -> tuple[str, bool]:
    name = order.removeprefix("-")
    if name in columns:
        return name, order.startswith("-")
    return metrics[0], True
