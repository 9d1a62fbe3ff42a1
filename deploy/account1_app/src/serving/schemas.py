"""The columns of an unload's Parquet files, derived from the report's declaration."""

from typing import Final

import pyarrow as pa

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import ReportTable

DECIMAL: Final = pa.decimal128(38, 10)
_TYPES: Final = {
    FieldType.TEXT: pa.string(),
    FieldType.INTEGER: pa.int64(),
    FieldType.DECIMAL: DECIMAL,
    FieldType.DATE: pa.date32(),
}


def data_schema(table: ReportTable) -> pa.Schema:
    """Return the columns of a data part: the key, then dimensions, metrics and computed columns."""
    values = [(column.name, _TYPES[column.type]) for column in table.value_columns]
    return pa.schema([*_partition_fields(table), ("dimension_hash", pa.string()), *values])


def control_schema(table: ReportTable) -> pa.Schema:
    """Return the columns of a control part: the partition, its generation, ids, row count and sums."""
    ids = [("data_flow_id", pa.string()), ("correlation_id", pa.string())]
    sums = [(f"sum_{column.name}", DECIMAL) for column in table.metrics]
    return pa.schema([*_partition_fields(table), ("generation", pa.int64()), *ids, ("row_count", pa.int64()), *sums])


def _partition_fields(table: ReportTable) -> list[tuple[str, pa.DataType]]:
    return [(name, pa.date32() if name == "date" else pa.string()) for name in table.partition_columns]
