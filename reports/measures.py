"""What a query's metric names mean for one report: sums of stored columns, and ratios of sums.

A metric that is not additive is only answered where each group is exactly one stored row.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_HALF_EVEN, Context, Decimal
from typing import Final

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.ga4 import Additivity, FieldType, Ga4Field, Unit
from dataflows.contracts.metrics import COMPUTED_METRICS, ComputedMetric, Part
from dataflows.contracts.reports import Report

SUM_DAILY: Final = "sum_daily_"
RATIO_PLACES: Final = Decimal("1e-10")  # ratios are rounded here, when they are shown, and nowhere before
_EXACT: Final = Context(prec=80, rounding=ROUND_HALF_EVEN)


class MeasureError(TerminalError):
    """A metric that can't be answered as it is asked."""


@dataclass(frozen=True)
class Measure:
    """A metric in the answer: its sums by name, and how its value is made of them."""

    name: str
    label: str
    unit: Unit
    sums: Mapping[str, str]  # name of the sum → SQL
    ratio: ComputedMetric | None = None

    @property
    def is_currency(self) -> bool:
        """Whether the value is an amount of money."""
        return self.unit is Unit.CURRENCY

    def value(self, sums: Mapping[str, Decimal | int | None]) -> Decimal | int | None:
        """Return the metric's value of a group's sums; null where a ratio has no denominator."""
        if self.ratio is None:
            return _plain(sums[next(iter(self.sums))])
        numerator = _total(self.ratio.numerator, sums)
        denominator = _total(self.ratio.denominator, sums)
        if numerator is None or not denominator:
            return None
        return _EXACT.quantize(_EXACT.divide(numerator, denominator), RATIO_PLACES)

    def order_sql(self) -> str:
        """Return the SQL to sort groups by."""
        if self.ratio is None:
            return next(iter(self.sums.values()))
        numerator, denominator = (
            " + ".join(f"{part.sign} * {self.sums[_sum_name(part)]}" for part in parts)
            for parts in (self.ratio.numerator, self.ratio.denominator)
        )
        return f"CAST({numerator} AS DECIMAL(48, 10)) / NULLIF({denominator}, 0)"


def measure(report: Report, name: str, *, is_native_grain: bool, has_all_dimensions: bool) -> Measure:
    """Return what `name` means in `report`.

    `is_native_grain`: each group is one stored row. `has_all_dimensions`: groups may span days, but
    no two rows of one day. Raises MeasureError `unknown_metric`, or `non_additive_metric` when the
    rows of a group may not be summed.
    """
    if name in COMPUTED_METRICS:
        return _ratio(report, COMPUTED_METRICS[name], is_native_grain=is_native_grain)
    if name.startswith(SUM_DAILY):
        return _sum_of_days(report, name, has_all_dimensions=has_all_dimensions)
    field, column = _stored(report, name)
    if not is_native_grain:
        _check_additive(report, field, name)
    return Measure(name, field.label, field.unit, {name: f"SUM(`{column}`)"})


def available_measures(report: Report) -> list[str]:
    """Return every metric name the report can answer, somewhere: stored, daily sums, ratios."""
    stored = [field.column_name for field in report.metrics]
    sums = [f"{SUM_DAILY}{name}" for field, name in zip(report.metrics, stored, strict=True) if _is_user_count(field)]
    ratios = [name for name, ratio in COMPUTED_METRICS.items() if ratio.columns <= set(stored)]
    return [*stored, *sums, *ratios]


def _is_user_count(field: Ga4Field) -> bool:
    return field.additivity is Additivity.NOT_ADDITIVE and field.type is FieldType.INTEGER


def _stored(report: Report, name: str) -> tuple[Ga4Field, str]:
    for field, column in report.columns:
        if field in report.metrics and field.column_name == name:
            return field, column
    raise MeasureError(
        f"{report.slug} has no metric {name!r}. It has: {', '.join(available_measures(report))}.",
        reason="unknown_metric",
    )


def _check_additive(report: Report, field: Ga4Field, name: str) -> None:
    is_summable = field.additivity is Additivity.ADDITIVE or (
        field.additivity is Additivity.OVER_DAYS and not report.has_overlapping_rows
    )
    if is_summable:
        return
    daily = f" Or ask for {SUM_DAILY}{name}: the daily counts added up, which is more than the true number of users."
    raise MeasureError(
        f"{name} can't be summed over the rows of {report.slug}. Ask for granularity day with every dimension of "
        f"the report.{daily if _is_user_count(field) else ''}",
        reason="non_additive_metric",
    )


def _sum_of_days(report: Report, name: str, *, has_all_dimensions: bool) -> Measure:
    field, column = _stored(report, name.removeprefix(SUM_DAILY))
    if not has_all_dimensions:
        raise MeasureError(
            f"{name} adds up days, not rows of one day: ask for it with every dimension of {report.slug}.",
            reason="non_additive_metric",
        )
    return Measure(name, f"Sum of daily {field.label.lower()}", field.unit, {name: f"SUM(`{column}`)"})


def _ratio(report: Report, ratio: ComputedMetric, *, is_native_grain: bool) -> Measure:
    fields = {name: _stored(report, name) for name in sorted(ratio.columns)}
    if not is_native_grain:
        if ratio.is_native_grain_only:
            raise MeasureError(
                f"{ratio.name} divides by users, who can't be added up: ask for granularity day with every "
                f"dimension of {report.slug}.",
                reason="non_additive_metric",
            )
        for part in (*ratio.numerator, *ratio.denominator):
            if part.weight is None:
                _check_additive(report, fields[part.column][0], part.column)
    columns = {name: column for name, (_, column) in fields.items()}
    sums = {_sum_name(part): _sum_sql(part, columns) for part in (*ratio.numerator, *ratio.denominator)}
    return Measure(ratio.name, ratio.label, ratio.unit, sums, ratio)


def _sum_name(part: Part) -> str:
    return f"{part.column}_x_{part.weight}" if part.weight else part.column


def _sum_sql(part: Part, columns: Mapping[str, str]) -> str:
    product = f"`{columns[part.column]}`" + (f" * `{columns[part.weight]}`" if part.weight else "")
    return f"SUM({product})"


def _total(parts: tuple[Part, ...], sums: Mapping[str, Decimal | int | None]) -> Decimal | None:
    total = Decimal(0)
    for part in parts:
        value = sums[_sum_name(part)]
        if value is None:
            return None
        total = _EXACT.add(total, _EXACT.multiply(Decimal(part.sign), Decimal(value)))
    return total


def _plain(value: Decimal | int | None) -> Decimal | int | None:
    """Return a sum without the trailing zeros of its column; a whole number as an int."""
    if value is None or isinstance(value, int):
        return value
    return int(value) if value == value.to_integral_value() else _EXACT.normalize(value)
