"""Rows as SQL text, built column by column.

The text of a row's numbers doubles as its digest: the same rows read back from MySQL as text can be
compared with it. Dimensions need no comparing, since the key is their hash.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
from pymysql.converters import escape_string

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import Column, ReportTable
from serving.control import PartitionKey

NULL: Final = "NULL"


@dataclass(frozen=True)
class RowText:
    """A row: its hash (64 hex digits), the literals of its dimensions, and those of its numbers."""

    dimension_hash: str
    dimensions: str
    digest: str

    def values(self, partition: str) -> str:
        """Return the row for a VALUES list, after the literals of its partition."""
        parts = (partition, f"X'{self.dimension_hash}'", self.dimensions, self.digest)
        return f"({','.join(part for part in parts if part)})"


def partition_text(table: ReportTable, key: PartitionKey) -> str:
    """Return the literals of the partition columns, in order."""
    return ",".join(_partition_literals(table, key).values())


def partition_condition(table: ReportTable, key: PartitionKey) -> str:
    """Return the condition that a row is in the partition.

    Column by column: for a row of columns, MariaDB's DELETE does not use the primary key.
    """
    return " AND ".join(f"`{name}` = {literal}" for name, literal in _partition_literals(table, key).items())


def _partition_literals(table: ReportTable, key: PartitionKey) -> dict[str, str]:
    values: dict[str, str | date] = {"property_id": key.property_id, "report_id": key.report_id, "date": key.date}
    return {name: _quoted(values[name]) for name in table.partition_columns}


def row_texts(table: ReportTable, rows: pa.RecordBatch) -> Iterator[RowText]:
    """Yield each row of a batch as text, in order."""
    hashes = rows.column("dimension_hash").to_pylist()
    dimensions = _joined(rows, table.dimensions)
    digests = _joined(rows, (*table.metrics, *table.computed))
    return map(RowText, hashes, dimensions, digests)


def _joined(rows: pa.RecordBatch, columns: tuple[Column, ...]) -> Iterator[str]:
    if not columns:
        return iter([""] * rows.num_rows)
    texts = (_column_text(rows.column(column.name), _LITERALS[column.type]) for column in columns)
    return map(",".join, zip(*texts, strict=True))


def _column_text(column: pa.Array, literal: Callable[[Any], str]) -> list[str]:
    return [NULL if value is None else literal(value) for value in column.to_pylist()]


def _quoted(value: str | date) -> str:
    return f"'{escape_string(str(value))}'"


def _decimal(value: Decimal) -> str:
    return f"{value:f}"  # never with an exponent, always with the column's ten places, as MySQL writes it


_LITERALS: Final[dict[FieldType, Callable[[Any], str]]] = {
    FieldType.TEXT: _quoted,
    FieldType.INTEGER: str,
    FieldType.DECIMAL: _decimal,
}
