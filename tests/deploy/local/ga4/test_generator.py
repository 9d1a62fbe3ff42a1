"""The demo's data: the same whatever the date, settled after 72 hours, and full of what strangers send."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest

from deploy.local.ga4.demo import DEMO_PROPERTIES, write_demo_properties
from deploy.local.ga4.generator import generate_property
from deploy.local.ga4.properties import load_folder
from tests.deploy.local.ga4.building import Service, write_events

ZONE = "America/New_York"
ANCHOR = date(2026, 3, 1)  # daylight saving starts on the 8th
MOVING = {"event_timestamp", "event_date", "event_hour", "visible_at", "hidden_at"}


def generate(**changes: Any) -> pa.Table:
    options: dict[str, Any] = {"anchor_date": ANCHOR, "days": 12, "events_per_day": 400, **changes}
    return generate_property("42", ZONE, "USD", **options)


@pytest.fixture(scope="module")
def events() -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = generate().to_pylist()
    return rows


def without_times(table: pa.Table) -> list[str]:
    kept = table.select([name for name in table.column_names if name not in MOVING])
    return sorted(str(row) for row in kept.to_pylist())


def test_another_anchor_date_gives_the_same_sessions() -> None:
    assert without_times(generate()) == without_times(generate(anchor_date=date(2025, 7, 19)))


def test_a_day_does_not_depend_on_how_many_are_generated() -> None:
    both = generate(first_day=2, days=2)
    assert without_times(both) == sorted(
        without_times(generate(first_day=2, days=1)) + without_times(generate(first_day=3, days=1))
    )


def test_another_seed_gives_other_events() -> None:
    assert without_times(generate()) != without_times(generate(seed=2))


def test_the_amount_is_about_what_was_asked_for(events: list[dict[str, Any]]) -> None:
    assert 0.6 < len(events) / (12 * 400) < 1.4


def test_dates_and_hours_are_the_propertys(events: list[dict[str, Any]]) -> None:
    for one in events:
        local = datetime.fromtimestamp(one["event_timestamp"] // 1_000_000, ZoneInfo(ZONE))
        assert (one["event_date"], one["event_hour"]) == (f"{local:%Y%m%d}", f"{local:%H}")


def test_everything_settles_within_72_hours_of_the_days_end(events: list[dict[str, Any]]) -> None:
    for one in events:
        settled = max(one["visible_at"], one["hidden_at"] or 0)
        assert one["event_timestamp"] <= one["visible_at"]
        assert settled - one["event_timestamp"] <= timedelta(hours=72).total_seconds() * 1_000_000


def test_rows_appear_change_and_vanish(events: list[dict[str, Any]]) -> None:
    is_late = [one["visible_at"] > one["event_timestamp"] for one in events]
    assert 0.05 < sum(is_late) / len(events) < 0.35
    hidden = {one["session_source"] for one in events if one["hidden_at"] is not None}
    assert hidden == {"(not set)", "free-share-buttons.example"}


def test_a_user_keeps_device_and_place(events: list[dict[str, Any]]) -> None:
    seen: dict[str, tuple[str, str]] = {}
    for one in events:
        attributes = (one["city"], one["browser"])
        assert seen.setdefault(one["user_pseudo_id"], attributes) == attributes
    assert len(seen) < len({(one["user_pseudo_id"], one["ga_session_id"]) for one in events})


def test_purchases_have_a_transaction_and_revenue(events: list[dict[str, Any]]) -> None:
    bought = [one for one in events if one["event_name"] == "purchase"]
    assert bought
    assert all(one["purchase_revenue"] > 0 and one["item_name"] for one in bought)
    assert len({one["transaction_id"] for one in bought}) >= len(bought) * 0.9
    assert all(one["transaction_id"] is None for one in events if one["event_name"] != "purchase")


def test_values_of_strangers_are_among_them() -> None:
    table = generate(events_per_day=3_000)
    paths, titles = (set(table[name].to_pylist()) for name in ("page_path", "page_title"))
    assert {"/about", "/About", "/blog/caf\u00e9", "/blog/cafe\u0301", "", "(not set)", "(other)"} <= paths
    assert {"Pricing", "Pricing ", "<script>alert(document.cookie)</script>"} <= titles


def test_the_demos_properties_are_written_once_and_load(tmp_path: Path) -> None:
    folders = write_demo_properties(tmp_path, ANCHOR, days=2)
    written = [(folder / "events.parquet").stat().st_mtime_ns for folder in folders]
    write_demo_properties(tmp_path, ANCHOR, days=2)
    assert [(folder / "events.parquet").stat().st_mtime_ns for folder in folders] == written
    loaded = [one.settings for one in load_folder(tmp_path)]
    assert loaded == [one.settings for one in DEMO_PROPERTIES]
    assert len({one.time_zone for one in loaded} | {one.currency_code for one in loaded}) == 6


def test_the_service_counts_what_is_in_the_events(service: Service, events: list[dict[str, Any]]) -> None:
    write_events(service.folder, events, time_zone=ZONE)
    service.load()
    service.clock.set(datetime(2026, 3, 4, 12, tzinfo=UTC))
    moment = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp() * 1_000_000
    visible = [one for one in events if one["visible_at"] <= moment < (one["hidden_at"] or float("inf"))]
    expected: dict[tuple[str, str], set[tuple[str, int]]] = {}
    for one in visible:
        key = (one["event_date"], one["session_source"])
        expected.setdefault(key, set()).add((one["user_pseudo_id"], one["ga_session_id"]))
    counted = service.rows("date sessionSource", "sessions", limit="100000")
    assert {(day, source): int(count) for day, source, count in counted} == {
        key: len(sessions) for key, sessions in expected.items() if key[0] >= "20260301"
    }
