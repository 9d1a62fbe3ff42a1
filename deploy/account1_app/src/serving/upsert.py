"""Station 8: makes MySQL hold, for every partition of an unload, exactly the rows unloaded.

A partition is replaced in one transaction with its generation and its ledger row, by writing only
the difference. The same generation again changes nothing, an older one is ignored.
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from dataflows.contracts.reports import ReportTable
from serving import ledger
from serving.config import Config
from serving.control import ControlRow, PartitionKey, check_sizes, read_control_rows
from serving.data_rows import PartitionSlice, check_rows, data_parts, stream_slices
from serving.difference import changes, stored_rows
from serving.errors import QuarantineError
from serving.mysql import connection, transient_errors_named
from serving.row_text import RowText, row_texts
from serving.unload_files import Unload, UnloadBucket, unload_of
from serving.writer import ChangeCounts, write_changes


@dataclass
class UpsertResult:
    """What became of an unload: partitions loaded or passed over, and rows written."""

    partitions_loaded: int = 0
    partitions_unchanged: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0

    def add(self, counts: ChangeCounts | None) -> None:
        """Count one more partition; None is one that MySQL already has in this generation or a newer one."""
        if counts is None:
            self.partitions_unchanged += 1
            return
        self.partitions_loaded += 1
        self.rows_inserted += counts.inserted
        self.rows_updated += counts.updated
        self.rows_deleted += counts.deleted


def upsert_report(config: Config, bucket: UnloadBucket, manifest_key: str) -> UpsertResult:
    """Load the unload that this control manifest announces: nothing of it unless all of it is as announced.

    Raises QuarantineError, after recording it, when the unload is not what it says it is, or a partition
    of it is too large: then the others are loaded. Raises TransientError when a later try may succeed.
    """
    try:
        unload = unload_of(manifest_key)
        return _load(config, bucket, unload)
    except QuarantineError as error:
        with connection(config) as session, transient_errors_named(), session.cursor() as cursor:
            ledger.record_quarantine(cursor, bucket.name, manifest_key, error)
            session.commit()
        raise


def _load(config: Config, bucket: UnloadBucket, unload: Unload) -> UpsertResult:
    control = read_control_rows(bucket, unload)
    parts = data_parts(bucket, unload, control)
    with closing(stream_slices(bucket, unload.table, parts)) as all_slices:
        check_rows(unload.table, all_slices, control)
    result = UpsertResult()
    with (
        connection(config) as session,
        transient_errors_named(),
        closing(stream_slices(bucket, unload.table, parts)) as all_slices,
    ):
        for row, slices in _partitions(control, all_slices):
            if row.row_count <= config.max_partition_rows:
                result.add(_replace_partition(session, unload, row, slices))
        check_sizes(control.values(), config.max_partition_rows)  # now: one property's must not hold up the others'
        with session.cursor() as cursor:
            ledger.resolve_quarantine(cursor, bucket.name, unload.control_manifest_key)
        session.commit()
    return result


def _partitions(
    control: dict[PartitionKey, ControlRow], slices: Iterator[PartitionSlice]
) -> Iterator[tuple[ControlRow, Iterator[PartitionSlice]]]:
    """Pair each control row, in key order, with its rows; an empty partition has none."""
    groups = groupby(slices, key=lambda piece: piece.key)
    key, rows = next(groups, (None, iter(())))
    for wanted, row in control.items():
        if key != wanted:
            yield row, iter(())
            continue
        yield row, rows
        key, rows = next(groups, (None, iter(())))


def _replace_partition(
    session: "Connection[Cursor]", unload: Unload, row: ControlRow, slices: Iterator[PartitionSlice]
) -> ChangeCounts | None:
    session.begin()
    with session.cursor() as cursor:
        stored_generation = ledger.lock_partition(cursor, row.key)
        if stored_generation >= row.generation:
            session.rollback()
            return None
        try:
            counts = _write(cursor, unload.table, row.key, slices, has_rows=stored_generation > 0)
            ledger.check_stored(cursor, unload.table, row)
            ledger.record_load(cursor, unload, row, counts)
        except QuarantineError:
            session.rollback()
            raise
        session.commit()
    return counts


def _write(
    cursor: Cursor, table: ReportTable, key: PartitionKey, slices: Iterator[PartitionSlice], *, has_rows: bool
) -> ChangeCounts:
    incoming: Iterator[RowText] = chain.from_iterable(row_texts(table, piece.rows) for piece in slices)
    stored = stored_rows(cursor, table, key) if has_rows else ()
    return write_changes(cursor, table, key, changes(stored, incoming))
