"""An unload becomes visible in MySQL whole, once, and never in an older generation than before."""

import unicodedata
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from django.db import transaction
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from reports.models import REPORT_MODELS, LedgerEntry, Partition
from serving.config import Config
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report
from tests.serving.conftest import BUCKET
from tests.serving.unloads import CORRELATION_ID, DATA_FLOW_ID, Row, UnloadWriter, report_row

EVENTS = REPORT_TABLES["events"]
DAY = date(2026, 11, 1)
NEXT_DAY = date(2026, 11, 2)
Load = Callable[..., None]


def event(name: str | None, day: date = DAY, **values: Any) -> Row:
    return report_row(EVENTS, "123", day, [name], **values)


@pytest.fixture
def load(s3: S3Client, config: Config, bucket: UnloadBucket) -> Load:
    numbers = iter(range(1, 1_000))

    def write_and_load(rows: list[Row], generations: dict[tuple[Any, ...], int], table: str = "events") -> None:
        writer = UnloadWriter.of(s3, BUCKET, table, next(numbers))
        writer.rows_a_part = 3
        upsert_report(config, bucket, writer.write(rows, generations))

    return write_and_load


def stored_events() -> dict[tuple[date, str | None], int]:
    rows = REPORT_MODELS["events"]._default_manager.values_list("date", "event_name", "event_count")
    return {(day, name): count for day, name, count in rows}


def changed_rows(generation: int) -> tuple[int, int, int]:
    """Return how many rows that generation has inserted, updated and deleted."""
    entry = LedgerEntry.objects.get(generation=generation)
    return entry.rows_inserted, entry.rows_updated, entry.rows_deleted


def test_rows_arrive_as_they_were_unloaded(load: Load) -> None:
    row = event("purchase", event_count=3_500_000_000, total_revenue=Decimal("123456789.0123456789"), day_event_count=7)
    load([row], {("123", DAY): 1})
    stored = REPORT_MODELS["events"]._default_manager.get()
    for column in EVENTS.value_columns:
        assert getattr(stored, column.name) == row[column.name]


def test_restated_partition_replaces_the_old_one(load: Load) -> None:
    load([event("kept"), event("changed"), event("vanished")], {("123", DAY): 1})
    load([event("kept"), event("changed", event_count=2), event("new")], {("123", DAY): 2})
    assert stored_events() == {(DAY, "kept"): 1, (DAY, "changed"): 2, (DAY, "new"): 1}
    assert changed_rows(generation=2) == (1, 1, 1)


def test_day_without_rows_is_emptied(load: Load) -> None:
    load([event("gone"), event("stays", NEXT_DAY)], {("123", DAY): 1, ("123", NEXT_DAY): 1})
    load([], {("123", DAY): 2})
    assert stored_events() == {(NEXT_DAY, "stays"): 1}
    assert Partition.objects.get(date=DAY).row_count == 0


def test_value_that_was_left_empty_is_empty_where_it_stood_before(load: Load) -> None:
    totals = REPORT_TABLES["daily_totals"]
    load([report_row(totals, "123", DAY, [])], {("123", DAY): 1}, "daily_totals")
    load([report_row(totals, "123", DAY, [], total_revenue=None)], {("123", DAY): 2}, "daily_totals")
    stored = REPORT_MODELS["daily_totals"]._default_manager.values_list("sessions", "total_revenue")
    assert list(stored) == [(1, None)]


def test_same_generation_again_changes_nothing(load: Load) -> None:
    load([event("first")], {("123", DAY): 1})
    load([event("second")], {("123", DAY): 1})
    assert stored_events() == {(DAY, "first"): 1}


def test_older_generation_after_a_newer_one_is_ignored(load: Load) -> None:
    load([event("new")], {("123", DAY): 5})
    load([event("old")], {("123", DAY): 4})
    assert stored_events() == {(DAY, "new"): 1}
    assert Partition.objects.get().generation == 5


def test_generations_of_other_partitions_in_an_unload_are_independent(load: Load) -> None:
    load([event("new")], {("123", DAY): 5})
    load([event("old"), event("other", NEXT_DAY)], {("123", DAY): 4, ("123", NEXT_DAY): 1})
    assert stored_events() == {(DAY, "new"): 1, (NEXT_DAY, "other"): 1}


def test_deleting_rows_does_not_wait_for_another_partition(load: Load) -> None:
    load([event("vanishes"), event("stays", NEXT_DAY)], {("123", DAY): 1, ("123", NEXT_DAY): 1})
    others = REPORT_MODELS["events"]._default_manager.select_for_update().filter(date=NEXT_DAY)
    with transaction.atomic():
        assert len(others) == 1  # and locked until the block ends
        load([], {("123", DAY): 2})
    assert stored_events() == {(NEXT_DAY, "stays"): 1}


def test_look_alikes_stay_distinct(load: Load) -> None:
    names = [
        "page",
        "Page",
        "page ",
        "pagé",
        unicodedata.normalize("NFD", "pagé"),
        "page😀",
        "",
        None,
        "'\\\"\n\t\0\x1a%s",
    ]
    load([event(name, event_count=number) for number, name in enumerate(names)], {("123", DAY): 1})
    assert stored_events() == {(DAY, name): number for number, name in enumerate(names)}


def test_ledger_tells_what_was_loaded_from_what(load: Load) -> None:
    load([event("a", event_count=2), event("b", event_count=3)], {("123", DAY): 1})
    entry = LedgerEntry.objects.get()
    assert (entry.generation, entry.row_count, entry.rows_inserted) == (1, 2, 2)
    assert (str(entry.data_flow_id), str(entry.correlation_id)) == (DATA_FLOW_ID, CORRELATION_ID)
    assert Decimal(entry.sums["event_count"]) == 5
    assert entry.manifest_key.endswith("/control/manifest")


def test_custom_reports_of_one_table_do_not_touch_each_other(load: Load) -> None:
    custom = REPORT_TABLES["custom"]
    blank = {column.name: 0 for column in custom.metrics}
    rows = [
        report_row(custom, "123", DAY, ["x"], report_id=name, **{**blank, "m1": 4}) for name in ("custom_a", "custom_b")
    ]
    load(rows, {("123", "custom_a", DAY): 1, ("123", "custom_b", DAY): 1}, table="custom")
    load([], {("123", "custom_a", DAY): 2}, table="custom")
    assert list(REPORT_MODELS["custom"]._default_manager.values_list("report_id", flat=True)) == ["custom_b"]


def test_many_rows_are_compared_page_by_page(load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("serving.difference._PAGE_ROWS", 7)
    monkeypatch.setattr("serving.writer._BATCH_CHANGES", 5)
    load([event(f"e{number}") for number in range(100)], {("123", DAY): 1})
    load([event(f"e{number}", event_count=number % 10) for number in range(10, 110)], {("123", DAY): 2})
    inserted, _, deleted = changed_rows(generation=2)
    assert (inserted, deleted) == (10, 10)
    assert stored_events() == {(DAY, f"e{number}"): number % 10 for number in range(10, 110)}
