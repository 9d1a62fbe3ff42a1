"""An unload that is not what it says it is: nothing of it is visible, and it says why."""

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, Partition, Quarantine
from serving.config import Config
from serving.errors import QuarantineError
from serving.schemas import control_schema
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report
from tests.serving.conftest import BUCKET
from tests.serving.unloads import CORRELATION_ID, DATA_FLOW_ID, Row, UnloadWriter, parquet_bytes, report_row

EVENTS = REPORT_TABLES["events"]
DAY = date(2026, 11, 1)
GENERATIONS = {("123", DAY): 1}

Spoil = Callable[[UnloadWriter, S3Client], None]


def event(name: str) -> Row:
    return report_row(EVENTS, "123", DAY, [name])


def data_key(writer: UnloadWriter, name: str = "0000_part_00.parquet") -> str:
    return f"events/{writer.run_id}/data/{name}"


def truncate(writer: UnloadWriter, s3: S3Client) -> None:
    body = s3.get_object(Bucket=BUCKET, Key=data_key(writer))["Body"].read()
    s3.put_object(Bucket=BUCKET, Key=data_key(writer), Body=body[:-7])


def replace_with(body: bytes) -> Spoil:
    def spoil(writer: UnloadWriter, s3: S3Client) -> None:
        s3.put_object(Bucket=BUCKET, Key=data_key(writer), Body=body)
        change_manifest(writer, s3, content_length=len(body))

    return spoil


def change_manifest(writer: UnloadWriter, s3: S3Client, **meta: int) -> None:
    key = data_key(writer, "manifest")
    manifest = json.loads(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())
    manifest["entries"][0]["meta"].update(meta)
    s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(manifest).encode())


def remove_part(writer: UnloadWriter, s3: S3Client) -> None:
    s3.delete_object(Bucket=BUCKET, Key=data_key(writer))


def remove_data_manifest(writer: UnloadWriter, s3: S3Client) -> None:
    s3.delete_object(Bucket=BUCKET, Key=data_key(writer, "manifest"))


def name_an_object_elsewhere(writer: UnloadWriter, s3: S3Client) -> None:
    body = {"entries": [{"url": f"s3://{BUCKET}/secrets", "meta": {"content_length": 1, "record_count": 1}}]}
    s3.put_object(Bucket=BUCKET, Key=data_key(writer, "manifest"), Body=json.dumps(body).encode())


def spoil_manifest(writer: UnloadWriter, s3: S3Client) -> None:
    s3.put_object(Bucket=BUCKET, Key=data_key(writer, "manifest"), Body=b'{"entries": 1')


def announce(**changes: Any) -> Spoil:
    def spoil(writer: UnloadWriter, _: S3Client) -> None:
        writer.write_control([{**row, **changes} for row in writer.control_rows([event("a"), event("b")], GENERATIONS)])

    return spoil


def without_ids(writer: UnloadWriter, s3: S3Client) -> None:
    """Write control rows as a warehouse of before the ids does."""
    rows = writer.control_rows([event("a"), event("b")], GENERATIONS)
    schema = control_schema(EVENTS)
    old = pa.schema([field for field in schema if field.name not in ("data_flow_id", "correlation_id")])
    writer.write_control(rows, old)


def rows_as_given(rows: Callable[[], list[Row]]) -> Spoil:
    def spoil(writer: UnloadWriter, _: S3Client) -> None:
        writer.write_data(rows())

    return spoil


def in_falling_order() -> list[Row]:
    return sorted([event("a"), event("b")], key=lambda row: row["dimension_hash"], reverse=True)


def other_columns(writer: UnloadWriter, s3: S3Client) -> None:
    replace_with(parquet_bytes(pa.table({"x": [1, 2]})))(writer, s3)


def more_rows_than_said(writer: UnloadWriter, s3: S3Client) -> None:
    change_manifest(writer, s3, record_count=3)


SPOILT: dict[str, tuple[Spoil, str]] = {
    "truncated part": (truncate, "part_size_mismatch"),
    "zero bytes": (replace_with(b""), "not_parquet"),
    "wrong magic": (replace_with(b"not parquet at all"), "not_parquet"),
    "part missing": (remove_part, "part_missing"),
    "data manifest missing": (remove_data_manifest, "manifest_missing"),
    "manifest spoilt": (spoil_manifest, "bad_manifest"),
    "manifest names an object elsewhere": (name_an_object_elsewhere, "bad_manifest"),
    "other columns": (other_columns, "schema_mismatch"),
    "record count": (more_rows_than_said, "part_rows_mismatch"),
    "row count": (announce(row_count=3), "row_count_mismatch"),
    "sum": (announce(sum_event_count=Decimal(3)), "sum_mismatch"),
    "generation": (announce(generation=0), "control_invalid"),
    "generation beyond all": (announce(generation=2**63 - 1), "generation_too_far"),
    "null in control": (announce(row_count=None), "control_incomplete"),
    "no correlation id": (announce(correlation_id=None), "control_incomplete"),
    "empty correlation id": (announce(correlation_id=""), "control_bad_id"),
    "correlation id of another form": (announce(correlation_id=CORRELATION_ID.replace("-", "")), "control_bad_id"),
    "markup for a data flow id": (announce(data_flow_id=f"<b>{DATA_FLOW_ID}</b>"), "control_bad_id"),
    "line break after a data flow id": (announce(data_flow_id=f"{DATA_FLOW_ID}\n"), "control_bad_id"),
    "no ids in the schema": (without_ids, "schema_mismatch"),
    "rows of another property": (
        rows_as_given(lambda: [report_row(EVENTS, "999", DAY, ["a"]), report_row(EVENTS, "999", DAY, ["b"])]),
        "row_not_announced",
    ),
    "rows twice": (rows_as_given(lambda: [event("a"), event("a")]), "rows_unordered"),
    "rows out of order": (rows_as_given(in_falling_order), "rows_unordered"),
    "bad hash": (rows_as_given(lambda: [{**event("a"), "dimension_hash": "X" * 64}, event("b")]), "bad_hash"),
    "no key": (rows_as_given(lambda: [{**event("a"), "property_id": None}, event("b")]), "key_missing"),
}


@pytest.fixture
def writer(s3: S3Client, config: Config) -> UnloadWriter:
    return UnloadWriter.of(s3, BUCKET, "events", 7)


@pytest.mark.parametrize("kind", SPOILT)
def test_spoilt_unload_shows_nothing_and_says_why(
    kind: str, writer: UnloadWriter, s3: S3Client, config: Config, bucket: UnloadBucket
) -> None:
    spoil, reason = SPOILT[kind]
    key = writer.write([event("a"), event("b")], GENERATIONS)
    spoil(writer, s3)
    with pytest.raises(QuarantineError) as refused:
        upsert_report(config, bucket, key)
    assert refused.value.reason == reason
    assert not REPORT_MODELS["events"]._default_manager.exists()
    assert not Partition.objects.exists()
    assert Quarantine.objects.get(manifest_key=key).reason == reason


def test_mended_unload_loads_and_leaves_quarantine(
    writer: UnloadWriter, s3: S3Client, config: Config, bucket: UnloadBucket
) -> None:
    key = writer.write([event("a"), event("b")], GENERATIONS)
    remove_part(writer, s3)
    for _ in range(2):  # delivered twice, recorded once
        with pytest.raises(QuarantineError):
            upsert_report(config, bucket, key)
    writer.write([event("a"), event("b")], GENERATIONS)
    upsert_report(config, bucket, key)
    assert Partition.objects.get().row_count == 2
    assert Quarantine.objects.get().resolved_at is not None


@pytest.mark.parametrize(
    "key",
    [
        "x",
        "events/1/control/manifest",
        "events/é/control/manifest",
        f"nothing/{7:032x}/control/manifest",
        "../manifest",
    ],
)
def test_object_that_is_no_control_manifest_is_quarantined(key: str, config: Config, bucket: UnloadBucket) -> None:
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, key)
    assert Quarantine.objects.get().reason == "unknown_report"


def test_too_large_partition_holds_up_no_other(writer: UnloadWriter, config: Config, bucket: UnloadBucket) -> None:
    rows = [event("a"), event("b"), report_row(EVENTS, "456", DAY, ["a"])]
    key = writer.write(rows, {**GENERATIONS, ("456", DAY): 1})
    with pytest.raises(QuarantineError, match="events of 123 on 2026-11-01 with 2 rows"):
        upsert_report(config.model_copy(update={"max_partition_rows": 1}), bucket, key)
    assert [partition.property_id for partition in Partition.objects.all()] == ["456"]
    assert REPORT_MODELS["events"]._default_manager.count() == 1
    assert Quarantine.objects.get(manifest_key=key).reason == "partition_too_large"


@pytest.mark.parametrize("report_id", ["", "{x}", "a" * 41, "x'; --", "pages"])
def test_report_that_nobody_can_have_is_quarantined(
    report_id: str, s3: S3Client, config: Config, bucket: UnloadBucket
) -> None:
    custom = UnloadWriter.of(s3, BUCKET, "custom", 8)
    row = report_row(REPORT_TABLES["custom"], "123", DAY, ["a"], report_id=report_id)
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, custom.write([row], {("123", report_id, DAY): 1}))
    assert Quarantine.objects.get().reason == "control_invalid"


def test_text_that_is_no_utf8_is_quarantined(
    writer: UnloadWriter, s3: S3Client, config: Config, bucket: UnloadBucket
) -> None:
    key = writer.write([event("xyz")], GENERATIONS)
    body = s3.get_object(Bucket=BUCKET, Key=data_key(writer))["Body"].read()
    replace_with(body.replace(b"xyz", b"x\xffz"))(writer, s3)
    with pytest.raises(QuarantineError):
        upsert_report(config, bucket, key)
    assert Quarantine.objects.get().reason == "part_broken"
    assert not Partition.objects.exists()
