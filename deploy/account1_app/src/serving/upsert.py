"""Station 8: makes MySQL hold, for every partition of an unload, exactly the rows unloaded.

A partition is replaced in one transaction with its generation and its ledger row, by writing only
the difference. The same generation again changes nothing, an older one is ignored.
"""

from collections.abc import Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, groupby
from operator import itemgetter
from typing import Final

import pyarrow as pa
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from dataflows.contracts.reports import ReportTable
from serving import ledger
from serving.config import Config
from serving.control import ControlRow, PartitionKey, check_sizes, read_control_rows
from serving.data_rows import check_rows, cut, data_parts, stream_batches
from serving.difference import Change, Writing, changes, stored_pages
from serving.errors import QuarantineError
from serving.mysql import connection, transient_errors_named
from serving.read_ahead import read_ahead
from serving.row_text import RowTexts
from serving.unload_files import Unload, UnloadBucket, unload_of
from serving.writer import ChangeCounts, write_changes

_BATCHES_AHEAD: Final = 2  # each a few megabytes


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
    result = UpsertResult()
    with bucket.kept_parts() as files:
        with closing(stream_batches(files, unload.table, parts)) as batches:
            check_rows(unload.table, batches, control)
        with connection(config) as session, transient_errors_named():
            batches = stream_batches(files, unload.table, parts)
            prepared = _prepared(unload.table, batches, _loaded(session, control))
            with closing(read_ahead(prepared, _BATCHES_AHEAD)) as all_texts:
                for row, texts in _partitions(control, all_texts):
                    if row.row_count <= config.max_partition_rows:
                        result.add(_replace_partition(session, unload, row, texts))
            check_sizes(control.values(), config.max_partition_rows)  # now: one must not hold up the others
            with session.cursor() as cursor:
                ledger.resolve_quarantine(cursor, bucket.name, unload.control_manifest_key)
            session.commit()
    return result


def _loaded(session: "Connection[Cursor]", keys: Collection[PartitionKey]) -> set[PartitionKey]:
    with session.cursor() as cursor:
        return ledger.loaded_partitions(cursor, keys)


def _prepared(
    table: ReportTable, all_batches: Generator[pa.RecordBatch], loaded: Collection[PartitionKey]
) -> Generator[list[tuple[PartitionKey, RowTexts]]]:
    """Turn rows into text: numbers where rows are compared, all values where all rows will be written."""
    with closing(all_batches) as batches:
        for batch in batches:
            pieces = cut(table, batch)
            texts = RowTexts(table, batch)
            if any(piece.key in loaded for piece in pieces):
                texts = texts.with_numbers()
            if any(piece.key not in loaded for piece in pieces):
                texts = texts.with_values()
            yield [(piece.key, texts.slice(piece.start, piece.end)) for piece in pieces]


def _partitions(
    control: Mapping[PartitionKey, ControlRow], all_texts: Iterator[list[tuple[PartitionKey, RowTexts]]]
) -> Iterator[tuple[ControlRow, Iterator[RowTexts]]]:
    """Pair each control row, in key order, with its rows; an empty partition has none."""
    groups = groupby(chain.from_iterable(all_texts), key=itemgetter(0))
    key, rows = next(groups, (None, iter(())))
    for wanted, row in control.items():
        if key != wanted:
            yield row, iter(())
            continue
        yield row, (texts for _, texts in rows)
        key, rows = next(groups, (None, iter(())))


def _replace_partition(
    session: "Connection[Cursor]", unload: Unload, row: ControlRow, texts: Iterator[RowTexts]
) -> ChangeCounts | None:
    session.begin()
    with session.cursor() as cursor:
        stored_generation = ledger.lock_partition(cursor, row.key)
        if stored_generation >= row.generation:
            session.rollback()
            return None
        try:
            found = _changes(cursor, unload, row.key, texts, has_rows=stored_generation > 0)
            counts = write_changes(cursor, unload.table, row.key, found)
            ledger.check_stored(cursor, unload.table, row)
            ledger.record_load(cursor, unload, row, counts)
        except QuarantineError:
            session.rollback()
            raise
        session.commit()
    return counts


def _changes(
    cursor: Cursor, unload: Unload, key: PartitionKey, incoming: Iterator[RowTexts], *, has_rows: bool
) -> Iterator[Change]:
    if has_rows:
        return changes(stored_pages(cursor, unload.table, key), incoming)
    return (Writing(texts, inserted=texts.rows.num_rows) for texts in incoming)
