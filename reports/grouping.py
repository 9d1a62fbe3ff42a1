"""A query as one SQL statement over one report table. Identifiers come from the declarations only.

Text is grouped and compared as bytes: under any collation MySQL and MariaDB share, values that
differ by trailing spaces would fall together. Its hash is a key beside it: of longer values only the
first `max_sort_length` bytes (1,024) are told apart, and more of them do not fit the sort buffer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from dataflows.contracts.reports import Report
from reports.measures import Measure, MeasureError, measure
from reports.queries import Filter, FilterOperator, Granularity, Query

PROPERTY_ID: Final = "property_id"
DATE: Final = "date"

_PERIODS: Final = {
    Granularity.DAY: "`date`",
    Granularity.WEEK: "DATE_SUB(`date`, INTERVAL WEEKDAY(`date`) DAY)",  # the Monday of its ISO week
    Granularity.MONTH: "CAST(DATE_FORMAT(`date`, '%%Y-%%m-01') AS DATE)",
}


@dataclass(frozen=True)
class GroupedQuery:
    """A query resolved against its report: groups as name → SQL, and the measures asked for."""

    query: Query
    report: Report
    groups: Mapping[str, str]
    measures: tuple[Measure, ...]
    totals: tuple[Measure, ...]  # those measures that may be summed over everything
    columns: Mapping[str, str] = field(default_factory=dict)  # dimension → column

    @property
    def sums(self) -> dict[str, str]:
        """Every sum that some measure needs, by name, each once."""
        return {name: sql for measure in self.measures for name, sql in measure.sums.items()}

    @property
    def total_sums(self) -> dict[str, str]:
        """Every sum that the totals need."""
        return {name: sql for measure in self.totals for name, sql in measure.sums.items()}

    def rows_statement(self) -> tuple[str, list[Any]]:
        """Return the statement for one page of rows, with its parameters."""
        where, parameters = self._where()
        selected = [f"{sql} AS `{name}`" for name, sql in (*self.groups.items(), *_prefixed(self.sums))]
        page = self.query.pagination
        statement = (
            f"SELECT {', '.join(selected)} FROM `{self.report.table.mysql_name}`{where}"  # noqa: S608 - declared
            f"{self._by()}{self._order()} LIMIT %s OFFSET %s"
        )
        return statement, [*parameters, page.limit, page.offset]

    def count_statement(self) -> tuple[str, list[Any]]:
        """Return the statement that counts the groups."""
        where, parameters = self._where()
        found = f"SELECT 1 FROM `{self.report.table.mysql_name}`{where}{self._by()}"  # noqa: S608 - declared
        return f"SELECT COUNT(*) FROM ({found}) AS found", parameters  # noqa: S608 - declared

    def totals_statement(self) -> tuple[str, list[Any]]:
        """Return the statement for the sums over everything the query selects."""
        where, parameters = self._where()
        selected = ", ".join(f"{sql} AS `{name}`" for name, sql in _prefixed(self.total_sums))
        return f"SELECT {selected} FROM `{self.report.table.mysql_name}`{where}", parameters  # noqa: S608 - declared

    def _where(self) -> tuple[str, list[Any]]:
        ids = self.query.property_ids
        conditions = [f"property_id IN ({_places(ids)})", "`date` BETWEEN %s AND %s"]
        parameters: list[Any] = [*ids, *self.query.date_range]
        if self.report.table.is_custom:
            conditions.append("report_id = %s")
            parameters.append(self.report.slug)
        for asked in self.query.filters:
            condition, values = self._condition(asked)
            conditions.append(condition)
            parameters.extend(values)
        return f" WHERE {' AND '.join(conditions)}", parameters

    def _condition(self, asked: Filter) -> tuple[str, list[bytes]]:
        operator, name, values = asked
        column = as_bytes(self.columns[name])
        encoded = [value.encode() for value in values]
        if operator in (FilterOperator.IS, FilterOperator.IS_NOT):
            negation = "NOT " if operator is FilterOperator.IS_NOT else ""
            return f"COALESCE({column}, '') {negation}IN ({_places(encoded)})", encoded
        found = " OR ".join([f"LOCATE(%s, COALESCE({column}, '')) > 0"] * len(encoded))
        return (f"NOT ({found})" if operator is FilterOperator.CONTAINS_NOT else f"({found})"), encoded

    def _by(self) -> str:
        keys = (*self.groups.values(), *self._hashes)
        return f" GROUP BY {', '.join(keys)}" if keys else " HAVING COUNT(*) > 0"

    @property
    def _hashes(self) -> list[str]:
        return [f"SHA2(`{self.columns[name]}`, 256)" for name in self.groups if name in self.columns]

    def _order(self) -> str:
        """Order as asked, then by the groups, so that pages neither repeat nor miss a row."""
        measures = {measure.name: measure.order_sql() for measure in self.measures}
        asked = [f"{measures.get(name) or self.groups[name]} {way.upper()}" for name, way in self.query.order_by]
        rest = [sql for name, sql in self.groups.items() if name not in dict(self.query.order_by)]
        terms = (*asked, *rest, *self._hashes)
        return f" ORDER BY {', '.join(terms)}" if terms else ""


def resolve(query: Query, report: Report) -> GroupedQuery:
    """Return the query ready to run on `report`.

    Raises MeasureError for a dimension or metric the report has not got, or may not be summed so.
    """
    columns = {found.column_name: column for found, column in report.columns if found in report.dimensions}
    groups = _groups(query, columns, report)
    has_all_dimensions = set(columns) | {PROPERTY_ID} <= set(query.dimensions) | _single_property(query)
    is_native = has_all_dimensions and query.granularity is Granularity.DAY
    measures = tuple(
        measure(report, name, is_native_grain=is_native, has_all_dimensions=has_all_dimensions)
        for name in query.metrics
    )
    for name in (asked[1] for asked in query.filters):
        _check_dimension(name, columns, report)
    for name, _ in query.order_by:
        if name not in groups and name not in query.metrics:
            raise MeasureError(f"{name!r} is not in the answer: order by one of its columns.", reason="unknown_order")
    totals = _summable(query, report) if query.include.totals else ()
    return GroupedQuery(query, report, groups, measures, totals, columns)


def as_bytes(column: str) -> str:
    """Return SQL that compares a text column byte by byte."""
    return f"CAST(`{column}` AS BINARY)"


def _single_property(query: Query) -> set[str]:
    return {PROPERTY_ID} if len(query.property_ids) == 1 else set()


def _groups(query: Query, columns: Mapping[str, str], report: Report) -> dict[str, str]:
    period = _PERIODS.get(query.granularity)
    groups = {DATE: period} if period else {}
    for name in query.dimensions:
        _check_dimension(name, {**columns, PROPERTY_ID: PROPERTY_ID}, report)
        groups[name] = "property_id" if name == PROPERTY_ID else as_bytes(columns[name])
    return groups


def _check_dimension(name: str, columns: Mapping[str, str], report: Report) -> None:
    if name in columns:
        return
    advice = "Use granularity for dates." if name == DATE else f"It has: {', '.join(columns)}."
    raise MeasureError(f"{report.slug} has no dimension {name!r}. {advice}", reason="unknown_dimension")


def _summable(query: Query, report: Report) -> tuple[Measure, ...]:
    """Return those measures of the query that may be summed over everything; the others have no total."""
    has_one_row_a_day = not report.dimensions and len(query.property_ids) == 1
    found = []
    for name in query.metrics:
        try:
            found.append(measure(report, name, is_native_grain=False, has_all_dimensions=has_one_row_a_day))
        except MeasureError:
            continue
    return tuple(found)


def _prefixed(sums: Mapping[str, str]) -> list[tuple[str, str]]:
    # A sum must not bear its column's name: MySQL would take the one for the other in ORDER BY.
    return [(f"sum_of_{name}", sql) for name, sql in sums.items()]


def _places(values: tuple[Any, ...] | list[Any]) -> str:
    return ", ".join(["%s"] * len(values))
