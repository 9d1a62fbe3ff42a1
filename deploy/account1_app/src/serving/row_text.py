"""Rows as SQL text, built column by column: no object is made for a row.

The text of a row's numbers doubles as its digest: the same rows read back from MySQL as text can be
compared with it. Dimensions need no comparing, since the key is their hash.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Any, Final

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.converters import escape_string

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import ReportTable
from serving.control import PartitionKey

NULL: Final = "null"

# As the driver escapes them; the backslash first, since the others bring new ones.
_ESCAPES: Final = (
    ("\\", "\\\\"),
    ("\0", "\\0"),
    ("\n", "\\n"),
    ("\r", "\\r"),
    ("\x1a", "\\Z"),
    ('"', '\\"'),
    ("'", "\\'"),
)
_ZERO: Final = Decimal("0.0000000000")


@dataclass(frozen=True)
class Values:
    """Rows for a VALUES list: a text for each, with the columns in this order."""

    columns: tuple[str, ...]
    texts: pa.StringArray


@dataclass(frozen=True)
class RowTexts:
    """Consecutive rows and their texts, each built when it is first asked for, or beforehand."""

    table: ReportTable
    rows: pa.RecordBatch
    built_numbers: pa.StringArray | None = None
    built_values: Values | None = None

    @property
    def hashes(self) -> pa.StringArray:
        """The rows' hashes: 64 hex digits each."""
        return self.rows.column("dimension_hash")

    def numbers(self) -> pa.StringArray:
        """Return the text of each row's numbers."""
        return _numbers(self.table, self.rows) if self.built_numbers is None else self.built_numbers

    def values(self) -> Values:
        """Return the text of each row's values."""
        return _values(self.table, self.rows) if self.built_values is None else self.built_values

    def with_numbers(self) -> "RowTexts":
        """Return the same rows with `numbers` built by the thread that calls this."""
        return replace(self, built_numbers=self.numbers())

    def with_values(self) -> "RowTexts":
        """Return the same rows with `values` built by the thread that calls this."""
        return replace(self, built_values=self.values())

    def slice(self, start: int, end: int) -> "RowTexts":
        """Return the rows from `start` up to and without `end`."""
        return self._each(lambda column: column.slice(start, end - start))

    def split(self, end: str | None) -> tuple["RowTexts", "RowTexts"]:
        """Return the rows whose hash is below `end`, and the others; all are below None."""
        count = len(self.hashes) if end is None else pc.sum(pc.less(self.hashes, end)).as_py()
        return self.slice(0, count), self.slice(count, len(self.hashes))

    def filter(self, mask: pa.BooleanArray) -> "RowTexts":
        """Return the rows for which `mask` is true."""
        return self._each(lambda column: column.filter(mask))

    def _each(self, change: Callable[[Any], Any]) -> "RowTexts":
        numbers = None if self.built_numbers is None else change(self.built_numbers)
        values = self.built_values and replace(self.built_values, texts=change(self.built_values.texts))
        return RowTexts(self.table, change(self.rows), numbers, values)


def partition_condition(table: ReportTable, key: PartitionKey) -> str:
    """Return the condition that a row is in the partition.

    Column by column: where a row of columns is compared, MariaDB's DELETE reads the whole table.
    """
    values: dict[str, str | date] = {"property_id": key.property_id, "report_id": key.report_id, "date": key.date}
    return " AND ".join(f"`{name}` = '{escape_string(str(values[name]))}'" for name in table.partition_columns)


def joined(texts: pa.StringArray, separator: bytes) -> bytes:
    """Return the UTF-8 bytes of all texts, with `separator` between them."""
    rows = pa.ListArray.from_arrays(pa.array([0, len(texts)], pa.int32()), texts.cast(pa.binary()))
    found: bytes = pc.binary_join(rows, separator)[0].as_py()
    return found


def _numbers(table: ReportTable, rows: pa.RecordBatch) -> pa.StringArray:
    columns = (*table.metrics, *table.computed)
    return pc.binary_join_element_wise(*(_literals(rows.column(column.name), column.type) for column in columns), ",")


def _values(table: ReportTable, rows: pa.RecordBatch) -> Values:
    """Columns without any value are left out: of a custom report, the slots that it does not use."""
    partition = [_quoted(rows.column(name).cast(pa.string())) for name in table.partition_columns]
    hashes = pc.binary_join_element_wise("X'", rows.column("dimension_hash"), "'", "")
    used = [column for column in table.value_columns if rows.column(column.name).null_count < rows.num_rows]
    others = [_literals(rows.column(column.name), column.type) for column in used]
    names = (*table.key_columns, *(column.name for column in used))
    return Values(names, pc.binary_join_element_wise(*partition, hashes, *others, ","))


def _literals(column: pa.Array, kind: FieldType) -> pa.StringArray:
    return pc.fill_null(_TEXTS[kind](column), NULL)


def _quoted(column: pa.StringArray) -> pa.StringArray:
    text = _characters(column)
    for character, escaped in _ESCAPES:
        if character.encode() in text:  # found at once, while replacing copies the column
            column = pc.replace_substring(column, character, escaped)
    return pc.binary_join_element_wise("'", column, "'", "")


def _characters(column: pa.StringArray) -> bytes:
    """Return the bytes of all texts, and of others where the column is part of a longer one."""
    _, _, characters = column.buffers()
    return b"" if characters is None else characters.to_pybytes()


def _integers(column: pa.Int64Array) -> pa.StringArray:
    return column.cast(pa.string())


def _decimals(column: pa.Decimal128Array) -> pa.StringArray:
    """Return decimals with all the column's ten places and never with an exponent, as MySQL writes them."""
    texts = column.cast(pa.string())
    if b"E" not in _characters(texts):
        return texts
    texts = pc.if_else(pc.equal(column, pa.scalar(_ZERO, column.type)), f"{_ZERO:f}", texts)
    has_exponent = pc.match_substring(texts, "E")  # nearer to zero than a millionth
    if not pc.any(has_exponent).as_py():
        return texts
    exact = [f"{value:f}" for value in column.filter(has_exponent).to_pylist()]
    return pc.replace_with_mask(texts, has_exponent, pa.array(exact, pa.string()))


_TEXTS: Final[dict[FieldType, Callable[[pa.Array], pa.StringArray]]] = {
    FieldType.TEXT: _quoted,
    FieldType.INTEGER: _integers,
    FieldType.DECIMAL: _decimals,
}
