"""Writes changes to a report table, many rows a statement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.cursors import Cursor

from dataflows.contracts.reports import ReportTable
from serving.control import PartitionKey
from serving.difference import Change, Deletion
from serving.row_text import Values, joined, partition_condition

_BATCH_CHANGES: Final = 5_000
_STATEMENT_BYTES: Final = 4 * 2**20  # well under the server's max_allowed_packet


@dataclass
class ChangeCounts:
    """How many rows of a partition were written."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0


def write_changes(cursor: Cursor, table: ReportTable, key: PartitionKey, changes: Iterable[Change]) -> ChangeCounts:
    """Apply changes that come in key order, and return how many there were of each kind."""
    counts = ChangeCounts()
    for change in changes:
        if isinstance(change, Deletion):
            _delete(cursor, table, key, change.hashes)
            counts.deleted += len(change.hashes)
            continue
        _upsert(cursor, table, change.rows.values())
        counts.inserted += change.inserted
        counts.updated += change.rows.rows.num_rows - change.inserted
    return counts


def _upsert(cursor: Cursor, table: ReportTable, values: Values) -> None:
    before, after = (text.encode() for text in _upsert_statement(table, values.columns))
    for batch in _batches(values.texts):
        # Bytes: as text, a statement would be decoded, widened and encoded again.
        cursor.connection.query(before + joined(batch, b"),(") + after)


def _delete(cursor: Cursor, table: ReportTable, key: PartitionKey, hashes: pa.StringArray) -> None:
    literals = pc.binary_join_element_wise("X'", hashes, "'", "")
    for batch in _batches(literals):
        cursor.execute(
            f"DELETE FROM `{table.mysql_name}` WHERE {partition_condition(table, key)} "  # noqa: S608 - declared names
            f"AND dimension_hash IN ({','.join(batch.to_pylist())})"
        )


def _batches(texts: pa.StringArray) -> Iterator[pa.StringArray]:
    """Cut texts until each piece has few enough rows and bytes for a statement; one that is too long goes alone."""
    if not len(texts):
        return
    size = pc.sum(pc.binary_length(texts)).as_py()
    if len(texts) == 1 or (len(texts) <= _BATCH_CHANGES and size <= _STATEMENT_BYTES):
        yield texts
        return
    middle = len(texts) // 2
    yield from _batches(texts.slice(0, middle))
    yield from _batches(texts.slice(middle))


def _upsert_statement(table: ReportTable, columns: tuple[str, ...]) -> tuple[str, str]:
    """Return what stands before the first row and after the last one; columns that are not named become null."""
    names = ", ".join(f"`{name}`" for name in columns)
    numbers = (column.name for column in (*table.metrics, *table.computed))
    # VALUES() is known to MySQL 8 and MariaDB alike; the row alias that replaces it is not.
    updates = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in numbers)
    before = f"INSERT INTO `{table.mysql_name}` ({names}) VALUES ("  # noqa: S608 - declared names
    return before, f") ON DUPLICATE KEY UPDATE {updates}"
