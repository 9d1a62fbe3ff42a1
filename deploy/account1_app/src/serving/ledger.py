"""What MySQL holds of each partition, what was loaded from what, and what could not be loaded."""

import json
from collections.abc import Collection
from datetime import UTC, datetime
from decimal import Decimal
from itertools import islice
from typing import Final, NamedTuple

from pymysql.cursors import Cursor

from dataflows.contracts.reports import ReportTable
from serving.control import ControlRow, PartitionKey
from serving.errors import QuarantineError
from serving.row_text import partition_condition
from serving.unload_files import Unload
from serving.writer import ChangeCounts

_LOCK_PARTITION: Final = """
INSERT INTO report_partition (property_id, report_id, date, generation, row_count, run_id, loaded_at)
VALUES (%s, %s, %s, 0, 0, '', %s) ON DUPLICATE KEY UPDATE generation = generation
"""
_READ_PARTITION: Final = """
SELECT generation, row_count FROM report_partition WHERE property_id = %s AND report_id = %s AND date = %s FOR UPDATE
"""
_READ_LOADED: Final = """
SELECT property_id, report_id, date FROM report_partition
WHERE generation > 0 AND (property_id, report_id, date) IN ({places})
"""
_KEYS_A_QUERY: Final = 500  # far more, and the server may read the whole table instead
_SET_PARTITION: Final = """
UPDATE report_partition SET generation = %s, row_count = %s, run_id = %s, loaded_at = %s, counted_at = NULL
WHERE property_id = %s AND report_id = %s AND date = %s
"""
_ADD_ENTRY: Final = """
INSERT INTO report_ledger (property_id, report_id, date, generation, data_flow_id, correlation_id, run_id,
                           manifest_key, row_count, rows_inserted, rows_updated, rows_deleted, sums, loaded_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
_ADD_QUARANTINE: Final = """
INSERT INTO report_quarantine (bucket, manifest_key, run_id, report_table, reason, message, quarantined_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON DUPLICATE KEY UPDATE reason = VALUES(reason), message = VALUES(message), sent_again_at = NULL
"""
_REOPEN_QUARANTINE: Final = """
UPDATE report_quarantine SET quarantined_at = %s, resolved_at = NULL
WHERE bucket = %s AND manifest_key = %s AND resolved_at IS NOT NULL
"""
_MOST_STEPS: Final = 1_000_000  # one every quarter of an hour takes 28 years
_INSERTED: Final = 1  # rows an upsert has affected, as MySQL counts: 2 is an update, 0 none
_RESOLVE_QUARANTINE: Final = """
UPDATE report_quarantine SET resolved_at = %s WHERE bucket = %s AND manifest_key = %s AND resolved_at IS NULL
"""


class StoredPartition(NamedTuple):
    """What MySQL has of a partition: its generation, 0 for none, and its number of rows."""

    generation: int
    row_count: int


def lock_partition(cursor: Cursor, key: PartitionKey) -> StoredPartition:
    """Keep other loaders off a partition until the transaction ends; return what there is of it."""
    identity = (key.property_id, key.report_id, key.date)
    cursor.execute(_LOCK_PARTITION, (*identity, _now()))
    cursor.execute(_READ_PARTITION, identity)
    return StoredPartition(*(cursor.fetchone() or (0, 0)))


def check_step(row: ControlRow, stored: StoredPartition) -> None:
    """Let no unload announce a generation that all genuine ones after it would be older than.

    Raises QuarantineError when it is further from the stored one than generations come to in many years.
    """
    if row.generation > stored.generation + _MOST_STEPS:
        what = f"{row.key} would go from generation {stored.generation} to {row.generation}; see the runbook."
        raise QuarantineError(what, reason="generation_too_far")


def loaded_partitions(cursor: Cursor, keys: Collection[PartitionKey]) -> set[PartitionKey]:
    """Return those partitions that MySQL has some generation of; without a lock: it may change at once."""
    found: set[PartitionKey] = set()
    remaining = iter(keys)
    while some := list(islice(remaining, _KEYS_A_QUERY)):
        values = [value for key in some for value in (key.property_id, key.report_id, key.date)]
        cursor.execute(_READ_LOADED.format(places=", ".join(["(%s, %s, %s)"] * len(some))), values)
        found.update(PartitionKey(*row) for row in cursor.fetchall())
    return found


def record_load(cursor: Cursor, unload: Unload, row: ControlRow, counts: ChangeCounts) -> None:
    """Write down, in the transaction of the data, that this generation is loaded and from what."""
    identity = (row.key.property_id, row.key.report_id, row.key.date)
    now = _now()
    cursor.execute(_SET_PARTITION, (row.generation, row.row_count, unload.run_id, now, *identity))
    sums = {column.name: f"{total:f}" for column, total in zip(unload.table.metrics, row.sums, strict=True)}
    # As hex digits: Django keeps an id as CHAR(32) in MySQL, as UUID in MariaDB, and that takes them too.
    trace = (row.trace.data_flow_id.hex, row.trace.correlation_id.hex)
    origin = (row.generation, *trace, unload.run_id, unload.control_manifest_key)
    changed = (row.row_count, counts.inserted, counts.updated, counts.deleted)
    cursor.execute(_ADD_ENTRY, (*identity, *origin, *changed, json.dumps(sums), now))


def check_stored(cursor: Cursor, table: ReportTable, row: ControlRow) -> None:
    """Count and sum the partition as MySQL now holds it.

    Raises QuarantineError when it is not what was announced; the transaction must then be rolled back.
    """
    sums = ", ".join(f"COALESCE(SUM(`{column.name}`), 0)" for column in table.metrics)
    cursor.execute(
        f"SELECT COUNT(*), {sums} FROM `{table.mysql_name}` "  # noqa: S608 - declared names
        f"WHERE {partition_condition(table, row.key)}"
    )
    found = cursor.fetchone() or ()
    if found[0] != row.row_count or tuple(map(Decimal, found[1:])) != row.sums:
        raise QuarantineError(f"{row.key} came to other numbers in MySQL than were unloaded.", reason="stored_mismatch")


def record_quarantine(cursor: Cursor, bucket: str, manifest_key: str, error: QuarantineError) -> bool:
    """Write down that an unload was not loaded, and why; return whether it is news.

    It is not when the unload is in quarantine already, however often it is delivered.
    """
    now, key = _now(), manifest_key[:255]
    is_reopened = cursor.execute(_REOPEN_QUARANTINE, (now, bucket, key))
    steps = [*manifest_key.encode("ascii", "replace").decode().split("/"), "", ""]
    identity = (bucket, key, steps[1][:32], steps[0][:40])
    affected = cursor.execute(_ADD_QUARANTINE, (*identity, error.reason, str(error), now))
    return bool(is_reopened) or affected == _INSERTED


def resolve_quarantine(cursor: Cursor, bucket: str, manifest_key: str) -> bool:
    """Write down that what was in quarantine could be loaded after all; return whether it was."""
    return bool(cursor.execute(_RESOLVE_QUARANTINE, (_now(), bucket, manifest_key)))


def _now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)  # MySQL's DATETIME has no zone; Django reads it as UTC
