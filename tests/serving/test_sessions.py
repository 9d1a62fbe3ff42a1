"""A large unload is loaded by several sessions at once: all of it, each partition whole, whatever one of them meets."""

import random
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final
from uuid import UUID

import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.errors import TransientError
from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, LedgerEntry, Partition, Quarantine
from serving.config import Config
from serving.control import ControlRow, PartitionKey, Trace
from serving.errors import QuarantineError
from serving.part_files import PartFiles
from serving.schemas import data_schema
from serving.shares import shares
from serving.unload_files import Part, UnloadBucket
from serving.upsert import upsert_report
from tests.serving.conftest import BUCKET
from tests.serving.triggers import trigger
from tests.serving.unloads import UnloadWriter, report_row

EVENTS: Final = REPORT_TABLES["events"]
FIRST_DAY: Final = date(2026, 10, 1)
# How many rows each day has: an empty one, and one that has most.
DAYS: Final = {FIRST_DAY + timedelta(number): rows for number, rows in enumerate((3, 0, 7, 1, 12, 2, 0, 5))}
LAST_DAY: Final = max(DAYS)
REFUSE: Final = "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'"
ALTER: Final = "SET NEW.event_count = NEW.event_count + 1"

Written = Callable[[int], str]


@pytest.fixture
def written(s3: S3Client, config: Config) -> Written:
    """Writes an unload of all days in a generation, in small parts; gives its manifest's key."""

    def write(generation: int) -> str:
        rows = [
            report_row(EVENTS, "123", day, [f"event {number}"], event_count=generation)
            for day, count in DAYS.items()
            for number in range(count)
        ]
        writer = UnloadWriter.of(s3, BUCKET, "events", generation)
        writer.rows_a_part = 4
        return writer.write(rows, {("123", day): generation for day in DAYS})

    return write


def loading_with(config: Config, sessions: int) -> Config:
    return config.model_copy(update={"max_sessions": sessions, "session_rows": 1})


def on_insert(*statements: tuple[date, str]) -> AbstractContextManager[None]:
    """The server does this with the rows of a day."""
    branches = " ".join(f"IF NEW.date = '{day}' THEN {statement}; END IF;" for day, statement in statements)
    return trigger("BEFORE INSERT ON report_events", f"BEGIN {branches} END")


def rows_by_day() -> dict[date, int]:
    days = REPORT_MODELS["events"]._default_manager.values_list("date", flat=True)
    counts = dict.fromkeys(DAYS, 0)
    for day in days:
        counts[day] += 1
    return counts


def generations() -> dict[date, int]:
    return dict(Partition.objects.values_list("date", "generation"))


@pytest.mark.parametrize("sessions", [1, 2])
def test_all_days_are_loaded_and_restated_however_many_sessions_load_them(
    sessions: int, written: Written, config: Config, bucket: UnloadBucket
) -> None:
    total = sum(DAYS.values())

    assert upsert_report(loading_with(config, sessions), bucket, written(1)) == total
    assert rows_by_day() == DAYS
    assert upsert_report(loading_with(config, sessions), bucket, written(2)) == total

    assert rows_by_day() == DAYS
    assert set(REPORT_MODELS["events"]._default_manager.values_list("event_count", flat=True)) == {2}
    assert generations() == dict.fromkeys(DAYS, 2)
    assert LedgerEntry.objects.count() == 2 * len(DAYS)


def test_what_one_session_cannot_load_keeps_no_other_from_it_and_is_loaded_by_the_next_try(
    written: Written, config: Config, bucket: UnloadBucket
) -> None:
    manifest_key = written(1)

    with on_insert((FIRST_DAY, REFUSE)), pytest.raises(TransientError, match="the load is tried again"):
        upsert_report(loading_with(config, 2), bucket, manifest_key)

    assert rows_by_day()[FIRST_DAY] == 0
    assert rows_by_day()[LAST_DAY] == DAYS[LAST_DAY]

    upsert_report(loading_with(config, 2), bucket, manifest_key)

    assert rows_by_day() == DAYS
    assert LedgerEntry.objects.count() == len(DAYS)


def test_bad_rows_of_one_session_do_not_end_the_tries_that_another_needs(
    written: Written, config: Config, bucket: UnloadBucket
) -> None:
    manifest_key = written(1)

    with on_insert((FIRST_DAY, ALTER), (LAST_DAY, REFUSE)), pytest.raises(TransientError):
        upsert_report(loading_with(config, 2), bucket, manifest_key)

    assert not Quarantine.objects.exists()

    with on_insert((FIRST_DAY, ALTER)), pytest.raises(QuarantineError):
        upsert_report(loading_with(config, 2), bucket, manifest_key)

    assert rows_by_day()[LAST_DAY] == DAYS[LAST_DAY]
    assert Quarantine.objects.get().reason == "stored_mismatch"


def test_shares_are_all_partitions_once_with_the_parts_that_hold_their_rows() -> None:
    randomly = random.Random(1)  # noqa: S311
    trace = Trace(UUID(int=1), UUID(int=2))
    for _ in range(500):
        counts = [randomly.choice((0, 1, randomly.randint(1, 50))) for _ in range(randomly.randint(1, 12))]
        keys = [PartitionKey("123", "events", FIRST_DAY + timedelta(number)) for number in range(len(counts))]
        sums = (Decimal(0),)
        control = {key: ControlRow(key, trace, 1, count, sums) for key, count in zip(keys, counts, strict=True)}
        part_rows, total = randomly.randint(1, 40), sum(counts)
        sizes = [min(part_rows, total - start) for start in range(0, total, part_rows)]
        parts = [Part(f"{number}", 1, size, "x") for number, size in enumerate(sizes)]

        found = shares(control, parts, randomly.randint(1, 4), randomly.randint(1, 30))

        assert [key for share in found for key in share.control] == keys
        owners = [key for key, count in zip(keys, counts, strict=True) for _ in range(count)]
        for share in found:
            held = {place // part_rows for place, key in enumerate(owners) if key in share.control}
            assert [int(part.key) for part in share.parts] == sorted(held)


def test_a_large_unload_is_cut_into_halves() -> None:
    keys = [PartitionKey("123", "events", FIRST_DAY + timedelta(number)) for number in range(10)]
    control = {key: ControlRow(key, Trace(UUID(int=1), UUID(int=2)), 1, 100, (Decimal(0),)) for key in keys}
    halves = shares(control, [], 2, 500)
    assert [len(half.control) for half in halves] == [5, 5]
    assert len(shares(control, [], 2, 501)) == 1  # too few rows for two


def test_parts_that_do_not_fit_on_the_disk_are_read_by_several_at_once(
    s3: S3Client, bucket: UnloadBucket, tmp_path: Path
) -> None:
    writer = UnloadWriter.of(s3, BUCKET, "events", 1)
    writer.write([report_row(EVENTS, "123", FIRST_DAY, ["one"])], {("123", FIRST_DAY): 1})
    (part,) = bucket.parts(f"events/{writer.run_id}/data/manifest") or []
    for kept_bytes, kept_parts in ((0, 0), (part.size_bytes, 1)):
        files = PartFiles(bucket, tmp_path, kept_bytes)
        schema = data_schema(EVENTS)
        with files.open_part(part, schema) as one, files.open_part(part, schema) as other:
            assert [one.num_rows, other.num_rows] == [1, 1]
        assert len(list(tmp_path.iterdir())) == kept_parts
        with files.open_part(part, schema) as again:
            assert sum(batch.num_rows for batch in again.batches()) == 1
