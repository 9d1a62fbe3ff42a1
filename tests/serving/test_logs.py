"""What the loader logs: a line for each request and data flow that an unload holds rows of, whatever becomes of it."""

import json
import logging
from datetime import date
from functools import partial
from typing import Any

import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from reports.models import Partition, Quarantine
from serving.config import Config
from serving.errors import QuarantineError
from serving.handlers.upsert_report import handle
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report
from tests.queues import FedQueue
from tests.serving.conftest import BUCKET
from tests.serving.unloads import CORRELATION_ID, DATA_FLOW_ID, Row, UnloadWriter, report_row

EVENTS = REPORT_TABLES["events"]
DAYS = [date(2026, 11, number) for number in range(1, 4)]
OTHER_ID = "5c0ffee0-0000-4000-8000-000000000003"


@pytest.fixture
def writer(s3: S3Client, config: Config) -> UnloadWriter:
    return UnloadWriter.of(s3, BUCKET, "events", 7)


def write(writer: UnloadWriter, *rows_of_days: int, other_days: tuple[int, ...] = ()) -> str:
    """Write an unload with so many rows of each day; `other_days` follow from another request. Return the key."""
    counted = list(zip(DAYS, rows_of_days, strict=False))
    rows = [report_row(EVENTS, "123", day, [f"e{number}"]) for day, count in counted for number in range(count)]
    key = writer.write(rows, {("123", day): 1 for day, _ in counted})
    control: list[Row] = writer.control_rows(rows, {("123", day): 1 for day, _ in counted})
    for number in other_days:
        control[number]["correlation_id"] = OTHER_ID
    writer.write_control(control)
    return key


def lines(caplog: pytest.LogCaptureFixture) -> dict[str, dict[str, Any]]:
    """Return what was logged of station upsert, by correlation id; there is one line of each, alerts left out."""
    records = [vars(record) for record in caplog.records if getattr(record, "station", "") == "upsert"]
    records = [record for record in records if record["message"] not in ("quarantine opened", "quarantine closed")]
    found = {record.get("correlation_id", ""): record for record in records}
    assert len(found) == len(records)
    return found


@pytest.fixture(autouse=True)
def _informative(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


def test_loaded_rows_are_told_by_request_not_by_partition(
    writer: UnloadWriter, config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    key = write(writer, 2, 0, 1, other_days=(2,))
    upsert_report(config, bucket, key)
    told = lines(caplog)
    wanted = {"message": "loaded", "manifest_key": key, "data_flow_id": DATA_FLOW_ID}
    assert told[CORRELATION_ID].items() >= {**wanted, "partitions_loaded": 2, "rows_inserted": 2}.items()
    assert told[OTHER_ID].items() >= {**wanted, "partitions_loaded": 1, "rows_inserted": 1}.items()
    assert len(told) == 2


def test_what_mysql_has_already_is_told_as_unchanged(
    writer: UnloadWriter, config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    key = write(writer, 1)
    upsert_report(config, bucket, key)
    caplog.clear()
    upsert_report(config, bucket, key)
    assert lines(caplog)[CORRELATION_ID].items() >= {"partitions_loaded": 0, "partitions_unchanged": 1}.items()


def test_a_partition_that_is_too_large_is_told_under_its_own_request_only(
    writer: UnloadWriter, config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    key = write(writer, 1, 2, 1, other_days=(1,))
    with pytest.raises(QuarantineError):
        upsert_report(config.model_copy(update={"max_partition_rows": 1}), bucket, key)
    told = lines(caplog)
    assert told[CORRELATION_ID].items() >= {"message": "loaded", "partitions_loaded": 2}.items()
    assert told[OTHER_ID].items() >= {"message": "quarantined", "reason": "partition_too_large"}.items()


def test_a_spoilt_unload_is_told_under_every_request_it_holds_rows_of(
    writer: UnloadWriter, s3: S3Client, config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    key = write(writer, 1, 1, other_days=(1,))
    s3.delete_object(Bucket=BUCKET, Key=f"events/{writer.run_id}/data/0000_part_00.parquet")
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, key)
    told = lines(caplog)
    assert told.keys() == {CORRELATION_ID, OTHER_ID}
    for line in told.values():
        assert line.items() >= {"message": "quarantined", "reason": "part_missing", "manifest_key": key}.items()


def test_a_quarantine_is_one_alert_however_often_it_is_delivered_and_another_when_it_comes_back(
    writer: UnloadWriter, s3: S3Client, config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    key = write(writer, 1)
    part = f"events/{writer.run_id}/data/0000_part_00.parquet"
    body = s3.get_object(Bucket=BUCKET, Key=part)["Body"].read()

    s3.delete_object(Bucket=BUCKET, Key=part)
    for _ in range(3):
        with pytest.raises(QuarantineError):
            upsert_report(config, bucket, key)
    s3.put_object(Bucket=BUCKET, Key=part, Body=body)
    upsert_report(config, bucket, key)
    s3.delete_object(Bucket=BUCKET, Key=part)
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, key)

    told = [record for record in caplog.records if record.getMessage().startswith("quarantine ")]
    assert [(record.levelname, record.getMessage()) for record in told] == [
        ("ERROR", "quarantine opened"),
        ("INFO", "quarantine closed"),
        ("ERROR", "quarantine opened"),
    ]
    assert vars(told[0]).items() >= {"station": "upsert", "manifest_key": key, "reason": "part_missing"}.items()
    assert [record for record in caplog.records if record.levelname == "ERROR"] == [told[0], told[2]]
    assert Quarantine.objects.get(manifest_key=key).resolved_at is None


def test_an_unload_nobody_can_read_is_told_without_ids(
    config: Config, bucket: UnloadBucket, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, "x")
    assert lines(caplog)[""].items() >= {"message": "quarantined", "manifest_key": "x"}.items()


def test_what_failed_for_now_is_told_under_its_request(
    writer: UnloadWriter, queue: FedQueue, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = write(writer, 1)
    monkeypatch.setenv("DATABASE_PORT", "1")
    body = json.dumps({"Records": [{"s3": {"object": {"key": key}}}]})
    queue.send(body)
    assert queue.hand_over(partial(handle, context=None)) == [body]  # type: ignore[arg-type]
    line = lines(caplog)[CORRELATION_ID]
    assert line.items() >= {"message": "not loaded for now", "partitions": 1, "partitions_loaded": 0}.items()
    assert "MySQL could not finish" in line["error"]
    assert not Partition.objects.exists()
