"""Writes changes to a report table, many rows a statement."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pymysql.cursors import Cursor

from dataflows.contracts.reports import ReportTable
from serving.control import PartitionKey
from serving.difference import Change, Deletion, Insertion, Update
from serving.row_text import partition_condition, partition_text

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
    partition = partition_text(table, key)
    for batch in _batches(changes):
        written = [change.row.values(partition) for change in batch if not isinstance(change, Deletion)]
        for values in _of_bounded_size(written):
            cursor.execute(_upsert_statement(table, values))
        deleted = [change.dimension_hash for change in batch if isinstance(change, Deletion)]
        if deleted:
            cursor.execute(_delete_statement(table, key, deleted))
        counts.inserted += sum(isinstance(change, Insertion) for change in batch)
        counts.updated += sum(isinstance(change, Update) for change in batch)
        counts.deleted += len(deleted)
    return counts


def _batches(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Cut changes into lists that are not too long and whose text, with one row's more, is not too large."""
    batch: list[Change] = []
    size = 0
    for change in changes:
        batch.append(change)
        size += 0 if isinstance(change, Deletion) else len(change.row.dimensions) + len(change.row.digest)
        if len(batch) == _BATCH_CHANGES or size > _STATEMENT_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _of_bounded_size(rows: list[str]) -> Iterator[list[str]]:
    """Cut rows into lists whose text stays under the statement limit; a longer row goes alone."""
    piece: list[str] = []
    size = 0
    for row in rows:
        length = len(row.encode())
        if piece and size + length > _STATEMENT_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(row)
        size += length
    if piece:
        yield piece


def _upsert_statement(table: ReportTable, rows: list[str]) -> str:
    names = (*table.key_columns, *(column.name for column in table.value_columns))
    columns = ", ".join(f"`{name}`" for name in names)
    numbers = (column.name for column in (*table.metrics, *table.computed))
    # VALUES() is known to MySQL 8 and MariaDB alike; the row alias that replaces it is not.
    updates = ", ".join(f"`{name}` = VALUES(`{name}`)" for name in numbers)
    return (
        f"INSERT INTO `{table.mysql_name}` ({columns}) VALUES {','.join(rows)} "  # noqa: S608 - declared names
        f"ON DUPLICATE KEY UPDATE {updates}"
    )


def _delete_statement(table: ReportTable, key: PartitionKey, hashes: list[str]) -> str:
    literals = ",".join(f"X'{dimension_hash}'" for dimension_hash in hashes)
    return (
        f"DELETE FROM `{table.mysql_name}` WHERE {partition_condition(table, key)} "  # noqa: S608 - declared names
        f"AND dimension_hash IN ({literals})"
    )
