"""The server refuses or cuts off a load: the old generation stays whole, and another try loads the new one.

tests/faults/database has connections that are cut around the COMMIT.
"""

from collections.abc import Callable
from datetime import date
from typing import Final

import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.errors import TransientError
from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, LedgerEntry, Partition, Quarantine
from serving.config import Config
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report
from tests.serving.conftest import BUCKET
from tests.serving.triggers import trigger
from tests.serving.unloads import Row, UnloadWriter, report_row

EVENTS: Final = REPORT_TABLES["events"]
DAY: Final = date(2026, 11, 1)
KEY: Final = ("123", DAY)

REFUSALS: Final = {
    "lock wait timeout": "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1205, MESSAGE_TEXT = 'Lock wait timeout'",
    "deadlock": "SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'",
    "read-only after a failover": "SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'read-only'",
    "connection killed": "KILL CONNECTION CONNECTION_ID()",
}
PLACES: Final = {
    "among the rows": "BEFORE INSERT ON report_events",
    "after the rows": "BEFORE INSERT ON report_ledger",
    "as the generation is noted": "BEFORE UPDATE ON report_partition",
}

Written = Callable[[int, dict[str, int]], str]


@pytest.fixture
def written(s3: S3Client, config: Config) -> Written:
    """Writes an unload of one day in a generation; gives its manifest's key."""

    def write(generation: int, counts: dict[str, int]) -> str:
        rows: list[Row] = [report_row(EVENTS, "123", DAY, [name], event_count=count) for name, count in counts.items()]
        return UnloadWriter.of(s3, BUCKET, "events", generation).write(rows, {KEY: generation})

    return write


def stored() -> tuple[int, dict[str, int]]:
    rows = REPORT_MODELS["events"]._default_manager.values_list("event_name", "event_count")
    return Partition.objects.get().generation, dict(rows)


@pytest.mark.parametrize("how", REFUSALS)
@pytest.mark.parametrize("place", PLACES)
def test_a_refused_load_leaves_the_old_generation_and_loads_when_tried_again(
    place: str, how: str, written: Written, config: Config, bucket: UnloadBucket
) -> None:
    old, new = {"a": 1, "b": 2, "gone": 3}, {"a": 1, "b": 7, "new": 4}
    upsert_report(config, bucket, written(1, old))
    manifest_key = written(2, new)

    with trigger(PLACES[place], REFUSALS[how]), pytest.raises(TransientError, match="the load is tried again"):
        upsert_report(config, bucket, manifest_key)

    assert stored() == (1, old)
    assert not Quarantine.objects.exists()

    upsert_report(config, bucket, manifest_key)

    assert stored() == (2, new)
    assert LedgerEntry.objects.count() == 2
