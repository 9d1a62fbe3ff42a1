"""Station 8: makes MySQL hold, for every partition of an unload, exactly the rows unloaded.

A partition is replaced in one transaction with its generation and its ledger row, by writing only
the difference. The same generation again changes nothing, an older one is ignored.
"""

from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from itertools import chain, groupby
from operator import itemgetter
from threading import Lock
from typing import Final

import pyarrow as pa
from aws_lambda_powertools import Logger
from pymysql.connections import Connection
from pymysql.cursors import Cursor

from dataflows.contracts.errors import TransientError
from dataflows.contracts.events import Station
from dataflows.contracts.reports import ReportTable
from serving import ledger
from serving.config import Config
from serving.control import ControlRow, PartitionKey, Trace, check_sizes, read_control_rows
from serving.data_rows import check_rows, cut, data_parts, stream_batches
from serving.difference import Change, Writing, changes, stored_pages
from serving.errors import QuarantineError
from serving.mysql import connection, transient_errors_named
from serving.part_files import PartFiles, part_files
from serving.read_ahead import read_ahead
from serving.row_text import RowTexts
from serving.shares import Share, at_once, shares
from serving.unload_files import Unload, UnloadBucket, unload_of
from serving.writer import ChangeCounts, write_changes

_BATCHES_AHEAD: Final = 1  # each some ten megabytes with its texts

logger = Logger(service="upsert_report", child=True)


@dataclass
class UpsertResult:
    """What became of the partitions of one trace: loaded or passed over, and rows written."""

    partitions: int = 0
    partitions_loaded: int = 0
    partitions_unchanged: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0

    @property
    def is_complete(self) -> bool:
        """Whether MySQL has all of them."""
        return self.partitions_loaded + self.partitions_unchanged == self.partitions

    def add(self, counts: ChangeCounts | None) -> None:
        """Count one more partition; None is one that MySQL already has in this generation or a newer one."""
        if counts is None:
            self.partitions_unchanged += 1
            return
        self.partitions_loaded += 1
        self.rows_inserted += counts.inserted
        self.rows_updated += counts.updated
        self.rows_deleted += counts.deleted


def upsert_report(config: Config, bucket: UnloadBucket, manifest_key: str) -> int:
    """Load the unload that this control manifest announces: nothing of it unless all of it is as announced.

    Returns how many rows were written: inserted, updated or deleted. What becomes of it is logged, a line for each
    data flow and request that it holds rows of.
    Raises QuarantineError, after recording it, when the unload is not what it says it is, or a partition
    of it is too large: then the others are loaded. Raises TransientError when a later try may succeed.
    """
    work = _Work(config, bucket, manifest_key)
    try:
        work.load()
    except QuarantineError as error:
        work.quarantine(error)
        raise
    except TransientError as error:
        work.log_incomplete("not loaded for now", error=str(error))
        raise
    finally:
        work.log_complete()
    return work.rows_written


class _Work:
    """One unload under way: what of it is loaded so far, by trace; nothing is known before its control rows are."""

    def __init__(self, config: Config, bucket: UnloadBucket, manifest_key: str) -> None:
        self._config = config
        self._bucket = bucket
        self._manifest_key = manifest_key
        self._results: dict[Trace, UpsertResult] = {}
        self._results_lock = Lock()

    @property
    def rows_written(self) -> int:
        """How many rows were inserted, updated or deleted so far."""
        return sum(one.rows_inserted + one.rows_updated + one.rows_deleted for one in self._results.values())

    def load(self) -> None:
        """Check all of the unload, then load it."""
        unload = unload_of(self._manifest_key)
        with part_files(self._bucket) as files:
            control = read_control_rows(files, unload)
            for row in control.values():
                self._results.setdefault(row.trace, UpsertResult()).partitions += 1
            parts = data_parts(files, unload, control)
            with closing(read_ahead(stream_batches(files, unload.table, parts), _BATCHES_AHEAD)) as batches:
                check_rows(unload.table, batches, control)
            most = min(self._config.max_sessions, files.readers)
            found = shares(control, parts, most, self._config.session_rows)
            at_once([partial(self._replace_partitions, unload, files, share) for share in found])
        check_sizes(control.values(), self._config.max_partition_rows)  # now: one must not hold up the others
        self._resolve_quarantine(unload)

    def _replace_partitions(self, unload: Unload, files: PartFiles, share: Share) -> None:
        batches = stream_batches(files, unload.table, share.parts)
        with connection(self._config) as session, transient_errors_named():
            prepared = _prepared(unload.table, batches, share.control, _loaded(session, share.control))
            with closing(read_ahead(prepared, _BATCHES_AHEAD)) as all_texts:
                for row, texts in _partitions(share.control, all_texts):
                    if row.row_count <= self._config.max_partition_rows:
                        counts = _replace_partition(session, unload, row, texts)
                        with self._results_lock:
                            self._results[row.trace].add(counts)

    def _resolve_quarantine(self, unload: Unload) -> None:
        with connection(self._config) as session, transient_errors_named(), session.cursor() as cursor:
            is_resolved = ledger.resolve_quarantine(cursor, self._bucket.name, unload.control_manifest_key)
            session.commit()
        if is_resolved:
            logger.info("quarantine closed", extra=self._keys)

    def quarantine(self, error: QuarantineError) -> None:
        """Record why the unload is not loaded; the line that an alarm counts is written once."""
        cause = {"reason": error.reason, "error": str(error)}
        self.log_incomplete("quarantined", log=logger.warning, **cause)
        with connection(self._config) as session, transient_errors_named(), session.cursor() as cursor:
            is_news = ledger.record_quarantine(cursor, self._bucket.name, self._manifest_key, error)
            session.commit()
        if is_news:
            logger.error("quarantine opened", extra={**self._keys, **cause})

    def log_complete(self) -> None:
        """Log what is loaded, a line for each trace of which all is."""
        for trace, result in self._results.items():
            if result.is_complete:
                logger.info("loaded", extra={**self._keys, **trace.log_keys, **vars(result)})

    def log_incomplete(self, what: str, *, log: Callable[..., None] = logger.error, **cause: str) -> None:
        """Log why not all is loaded, a line for each trace of which something is missing; one if none is known."""
        missing = [
            {**trace.log_keys, **vars(result)} for trace, result in self._results.items() if not result.is_complete
        ]
        for keys in missing if self._results else [{}]:
            log(what, extra={**self._keys, **keys, **cause})

    @property
    def _keys(self) -> dict[str, str]:
        return {"station": Station.UPSERT.value, "manifest_key": self._manifest_key}


def _loaded(session: "Connection[Cursor]", keys: Collection[PartitionKey]) -> set[PartitionKey]:
    with session.cursor() as cursor:
        return ledger.loaded_partitions(cursor, keys)


def _prepared(
    table: ReportTable,
    all_batches: Generator[pa.RecordBatch],
    wanted: Collection[PartitionKey],
    loaded: Collection[PartitionKey],
) -> Generator[list[tuple[PartitionKey, RowTexts]]]:
    """Turn the wanted rows into text: numbers where rows are compared, all values where all rows will be written."""
    last = max(wanted)
    with closing(all_batches) as batches:
        for batch in batches:
            found = cut(table, batch)
            if found[0].key > last:
                return
            pieces = [piece for piece in found if piece.key in wanted]
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
        stored = ledger.lock_partition(cursor, row.key)
        if stored.generation >= row.generation:
            session.rollback()
            return None
        try:
            ledger.check_step(row, stored)
            found = _changes(cursor, unload, row.key, texts, stored)
            counts = write_changes(cursor, unload.table, row.key, found)
            ledger.check_stored(cursor, unload.table, row)
            ledger.record_load(cursor, unload, row, counts)
        except QuarantineError:
            session.rollback()
            raise
        session.commit()
    return counts


def _changes(
    cursor: Cursor, unload: Unload, key: PartitionKey, incoming: Iterator[RowTexts], stored: ledger.StoredPartition
) -> Iterator[Change]:
    if stored.generation:
        return changes(stored_pages(cursor, unload.table, key, stored.row_count), incoming)
    return (Writing(texts, inserted=texts.rows.num_rows) for texts in incoming)
