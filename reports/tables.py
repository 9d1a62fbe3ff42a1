"""One page of a report's rows: the dimensions, what may be summed of the metrics, order and search."""

from dataclasses import dataclass
from typing import Final

from dataflows.contracts.reports import Report
from reports.grouping import DATE, resolve
from reports.measures import SUM_DAILY, Measure, MeasureError, available_measures
from reports.queries import FilterOperator, Granularity, Include, Pagination, Query
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
    def is_searchable(self) -> bool:
        """Whether the rows have a text to search; days have none."""
        return self.dimensions[0][0] != DATE

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

    A report without dimensions has a row for each day. `order` is a column's name, with a minus for
    falling; anything else means the latest day or the largest first metric. `search` keeps the rows
    whose first dimension contains it. A page after the last means the last.
    """
    asked = _query(property_id, report, range_)
    column, is_falling = _order(order, asked)
    found = ((FilterOperator.CONTAINS, asked.dimensions[0], (search,)),) if search and asked.dimensions else ()
    query = asked.model_copy(
        update={
            "filters": found,
            "order_by": ((column, "desc" if is_falling else "asc"),),
            "include": Include(totals=True, total_rows=True),
            "pagination": Pagination(limit=PAGE_ROWS, offset=(page_number - 1) * PAGE_ROWS),
        }
    )
    result = run_query(query, report)
    pages = max(1, -(-(result.total_rows or 0) // PAGE_ROWS))
    if page_number > pages:
        return report_page(property_id, report, range_, order=order, search=search, page_number=pages)
    columns = [(field.column_name, field.label) for field in report.dimensions] or [(DATE, "Date")]
    return ReportPage(result, columns, result.grouped.measures, column, is_falling, search, page_number, pages)


def _query(property_id: str, report: Report, range_: DateRange) -> Query:
    """Return the query for all of the report's dimensions, or days, and all that can be answered for these."""
    names = tuple(field.column_name for field in report.dimensions)
    every = Query(
        property_ids=(property_id,),
        report=report.slug,
        metrics=tuple(available_measures(report))[:1],
        dimensions=names,
        date_range=(range_.start_date, range_.end_date),
        granularity=Granularity.TOTAL if names else Granularity.DAY,
    )
    return every.model_copy(update={"metrics": _answerable(every, report)})


def _answerable(query: Query, report: Report) -> tuple[str, ...]:
    """Return the metrics that may be grouped so; over several days users appear as sums of daily counts."""
    found = []
    for metric in available_measures(report):
        try:
            resolve(query.model_copy(update={"metrics": (metric,)}), report)
        except MeasureError:
            continue
        found.append(metric)
    if query.granularity is Granularity.DAY:
        return tuple(metric for metric in found if not metric.startswith(SUM_DAILY))
    return tuple(found)


def _order(order: str, query: Query) -> tuple[str, bool]:
    name = order.removeprefix("-")
    if name in (*query.dimensions, *query.metrics) or (name == DATE and not query.dimensions):
        return name, order.startswith("-")
    return (query.metrics[0] if query.dimensions else DATE), True
