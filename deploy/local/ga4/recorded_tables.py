"""A property that is known only by reports recorded from the real API: Parquet files, columns = API names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.ga4.coded import Booleans, Coded, Integers
from deploy.local.ga4.date_parts import DATE_PARTS, date_part
from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.fields import DATE, DIMENSIONS, METRICS, Additivity, Scope
from deploy.local.ga4.metrics import Cells, sum_groups
from deploy.local.ga4.values import MetricValues


@dataclass(frozen=True)
class RecordedTable:
    """One recorded report: its columns of text or bytes are dimensions, its numeric columns metrics."""

    path: Path

    @cached_property
    def dimensions(self) -> frozenset[str]:
        """The recorded dimensions, `date` among them."""
        return frozenset(field.name for field in self._schema if _is_text(field.type))

    @cached_property
    def metrics(self) -> frozenset[str]:
        """The recorded metrics."""
        return frozenset(field.name for field in self._schema if not _is_text(field.type))

    def visible(self, now: datetime) -> Booleans:  # noqa: ARG002 - what was recorded is complete
        """Return a mask of the rows Google would count: all."""
        return np.ones(self._data.num_rows, dtype=np.bool_)

    def dimension(self, api_name: str) -> Coded:
        """Return a recorded dimension, or one computed from `date`, for every row."""
        if api_name in DATE_PARTS:
            return self.dimension(DATE).map(date_part(api_name))
        return Coded.from_arrow(self._data[api_name])

    def measure(self, api_name: str, cells: Cells) -> MetricValues:
        """Sum a recorded metric over the cells of a report."""
        numbers = self._data[api_name].to_numpy()
        if METRICS[api_name].type == "TYPE_CURRENCY":
            millionths: Integers = np.rint(numbers * 1_000_000.0).astype(np.int64)
            return MetricValues(sum_groups(cells, millionths[cells.rows]), in_millionths=True)
        return MetricValues(sum_groups(cells, numbers[cells.rows]))

    def is_summable(self, metrics: Sequence[str], dimensions: frozenset[str]) -> bool:
        """Say whether rows of these dimensions follow from the recorded ones, summing where there are more."""
        if self.dimensions == dimensions:
            return True
        left_out = self.dimensions - dimensions - {DATE}
        is_overlapping = any(_dimension_scope(name) in {Scope.EVENT, Scope.ITEM} for name in left_out)
        allowed = {Additivity.ADDITIVE} if is_overlapping else {Additivity.ADDITIVE, Additivity.OVER_SESSIONS}
        return all(METRICS[name].additivity in allowed for name in metrics)

    @cached_property
    def _schema(self) -> pa.Schema:
        return pq.read_schema(self.path)

    @cached_property
    def _data(self) -> pa.Table:
        return pq.read_table(self.path)


@dataclass(frozen=True)
class RecordedTables:
    """All recorded reports of a property."""

    tables: tuple[RecordedTable, ...]

    def dimension_names(self) -> frozenset[str]:
        """Return the API names of all recorded dimensions and of those computed from `date`."""
        return frozenset(DATE_PARTS).union(*(table.dimensions for table in self.tables))

    def metric_names(self) -> frozenset[str]:
        """Return the API names of all recorded metrics."""
        return frozenset[str]().union(*(table.metrics for table in self.tables))

    def for_fields(self, dimensions: frozenset[str], filtered: frozenset[str], metrics: Sequence[str]) -> RecordedTable:
        """Return the recorded report that answers for these fields: the one with the fewest other dimensions.

        Raises GoogleApiError (INVALID_ARGUMENT) when none has them, or only by summing what must not be summed.
        """
        needed = {DATE if name in DATE_PARTS else name for name in dimensions | filtered}
        able = [t for t in self.tables if needed <= t.dimensions and t.metrics.issuperset(metrics)]
        for table in sorted(able, key=lambda t: (len(t.dimensions), t.path.name)):
            if table.is_summable(metrics, dimensions):
                return table
        raise invalid_argument(
            f"The dimensions {sorted(dimensions)} and metrics {list(metrics)} are incompatible: no recorded report "
            "of this property has them, or not in a form that may be summed."
        )


def _dimension_scope(api_name: str) -> Scope:
    return DIMENSIONS[api_name].scope if api_name in DIMENSIONS else Scope.EVENT


def _is_text(kind: pa.DataType) -> bool:
    kinds = (pa.types.is_string, pa.types.is_large_string, pa.types.is_binary, pa.types.is_dictionary)
    return any(is_kind(kind) for is_kind in kinds)
