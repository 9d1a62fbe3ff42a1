"""From the form to the API's answer, through every process, with everything real or emulated at the wire."""

import json
from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime
from fractions import Fraction
from itertools import chain
from typing import Any, Final
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import requests

from deploy.local.accounts import REFRESH_TOKEN
from deploy.local.ga4.properties import PropertySettings
from tests.dataflows.pages import journeys_on
from tests.pipeline.expected import RATIOS, SHAPES, Event, Key, Numbers, expected_rows, visible_events
from tests.pipeline.line import Line
from tests.pipeline.recorded import CUSTOM_ANSWERS, PAGES, Days, recorded_property, write_recorded
from tests.pipeline.twins import TWINS

SHOP: Final = PropertySettings(
    property_id="421000001", display_name="Shop <ß> & Co.", time_zone="Asia/Ho_Chi_Minh", currency_code="USD"
)
FIRST_DAY, LAST_DAY = date(2026, 6, 6), date(2026, 6, 17)  # yesterday, as the emulated clock has it
RANGE: Final = [FIRST_DAY.isoformat(), LAST_DAY.isoformat()]


@pytest.fixture(scope="module")
def shop(line: Line) -> list[Event]:
    """A property of twelve days of events, registered through the form and loaded; the events Google counts."""
    line.have_visited(SHOP, FIRST_DAY, days=13, events_per_day=300)
    custom = {
        "custom-TOTAL_FORMS": "1",
        "custom-0-name": "landings",
        "custom-0-dimensions": ["landingPage", "language"],
        "custom-0-metrics": ["sessions", "engagedSessions", "totalUsers"],
    }
    line.register(SHOP, FIRST_DAY, **custom)
    line.grant(SHOP.property_id)
    line.wait_until_loaded(SHOP.property_id, len(SHAPES), LAST_DAY)
    visible = visible_events(line.stack.ga4_url, SHOP.property_id)
    return [event for event in visible if event["event_date"] <= f"{LAST_DAY:%Y%m%d}"]


@pytest.mark.parametrize("slug", SHAPES)
def test_every_row_of_a_report_is_what_its_events_say(line: Line, shop: list[Event], slug: str) -> None:
    shape = SHAPES[slug]

    answer = line.query(
        property_ids=[SHOP.property_id],
        report=slug,
        metrics=list(shape.metrics),
        dimensions=list(shape.dimensions),
        granularity="day",
        date_range=RANGE,
        include={"total_rows": True},
        pagination={"limit": 10_000},
    )

    assert _rows(answer, shape.dimensions) == expected_rows(shape, shop)
    assert answer["meta"]["total_rows"] == len(answer["results"])
    assert answer["meta"]["data_through"] == LAST_DAY.isoformat()


def test_users_are_not_summed_over_days_unless_asked_by_that_name(line: Line, shop: list[Event]) -> None:
    asked = {"property_ids": [SHOP.property_id], "date_range": RANGE}

    refusal = line.ask(**asked, metrics=["active_users"])
    answer = line.query(**asked, metrics=["sum_daily_active_users"])

    days = expected_rows(SHAPES["daily_totals"], shop).values()
    assert (refusal.status_code, refusal.json()["type"]) == (422, "non-additive-metric")
    assert answer["results"][0]["metrics"] == {"sum_daily_active_users": sum(day["active_users"] for day in days)}


@pytest.mark.parametrize("dimension", [None, "device_category"])
def test_ratios_are_exact_over_days_and_rows(line: Line, shop: list[Event], dimension: str | None) -> None:
    shape = SHAPES["devices"]
    totals: dict[Any, Counter[str]] = defaultdict(Counter)
    for key, numbers in expected_rows(shape, shop).items():
        totals[key[1] if dimension else None].update(numbers)

    answer = line.query(
        property_ids=[SHOP.property_id],
        report="devices",
        metrics=list(RATIOS),
        dimensions=[dimension] if dimension else [],
        date_range=RANGE,
    )

    found = {row["dimensions"].get(dimension): row["metrics"] for row in answer["results"]}
    assert {group: {name: Fraction(value) for name, value in row.items()} for group, row in found.items()} == {
        group: {name: round(ratio(total), 10) for name, ratio in RATIOS.items()} for group, total in totals.items()
    }


@pytest.mark.parametrize(
    ("slug", "column", "metric"),
    [
        ("traffic_acquisition", "day_sessions", "sessions"),
        ("pages", "day_screen_page_views", "screen_page_views"),
        ("events", "day_event_count", "event_count"),
        ("devices", "day_sessions", "sessions"),
    ],
)
def test_shares_are_taken_of_the_days_total(line: Line, shop: list[Event], slug: str, column: str, metric: str) -> None:
    statement = f"SELECT DISTINCT date, {column} FROM report_{slug} WHERE property_id = %s"  # noqa: S608

    found = line.mysql(statement, SHOP.property_id)

    days = expected_rows(SHAPES["daily_totals"], shop)
    assert {(day.isoformat(),): total for day, total in found} == {key: row[metric] for key, row in days.items()}
    assert len(found) == len(days)


def test_a_session_of_the_pages_may_ask_the_api(line: Line, shop: list[Event]) -> None:
    url = f"{line.stack.app_url}/api/v1/query"
    asked = {"property_id": SHOP.property_id, "metric": "event_count", "start_date": RANGE[0], "end_date": RANGE[1]}

    answer = line.operator.session.get(url, params=asked, timeout=30)

    assert answer.json()["results"][0]["metrics"] == {"event_count": len(shop)}


def test_one_correlation_id_is_seen_at_every_station(line: Line, shop: list[Event]) -> None:
    line.wait_for("every load being on the page", lambda: _loads_on_page(line) == _loads_in_ledger(line))
    page = line.page(SHOP.property_id)
    data_flow_id, [correlation_id] = UUID(urlsplit(page.url).path.split("/")[2]), journeys_on(page.text)
    [(event,)] = line.mysql("SELECT detail FROM dataflows_outboxevent WHERE detail LIKE %s", f'%"{SHOP.property_id}"%')
    asked = json.loads(event)
    lines = [found for name in ("register", "watch", "refresh", "upsert") for found in line.log_lines(name)]
    ours = [found for found in lines if found.get("correlation_id") == str(correlation_id)]
    ledger = line.mysql(
        "SELECT report_id, data_flow_id, correlation_id FROM report_ledger WHERE property_id = %s", SHOP.property_id
    )

    assert (asked["data_flow_id"], asked["correlation_id"]) == (str(data_flow_id), str(correlation_id))
    assert {found["station"] for found in ours} == {"register", "ingest", "refresh", "unload", "upsert"}
    assert {found["data_flow_id"] for found in ours} == {str(data_flow_id)}
    assert {(report, UUID(flow), UUID(request)) for report, flow, request in ledger} == {
        (slug, data_flow_id, correlation_id) for slug in SHAPES
    }
    stations = {"Submit", "Publish", "Forward", "Register", "Ingest", "Refresh", "Unload", "Upsert"}
    assert {hop.split()[0] for hop in journeys_on(page.text)[correlation_id]} == stations


def _loads_on_page(line: Line) -> int:
    hops = chain.from_iterable(journeys_on(line.page(SHOP.property_id).text).values())
    return sum(hop.startswith("Upsert Loaded") for hop in hops)


def _loads_in_ledger(line: Line) -> int:
    counted = "SELECT COUNT(DISTINCT report_id, run_id) FROM report_ledger WHERE property_id = %s"
    return int(line.mysql(counted, SHOP.property_id)[0][0])


BEYOND_32_BITS: Final = 3_500_000_000


def test_values_that_only_look_alike_stay_apart_and_sums_pass_32_bits(line: Line) -> None:
    days = {
        f"202606{day}": {path: BEYOND_32_BITS + place + int(day) for place, path in enumerate(TWINS)}
        for day in ("16", "17")
    }
    settings = recorded_property("421000002")
    write_recorded(line.google, settings, days)
    line.load_google()
    line.register(settings, date(2026, 6, 16), **CUSTOM_ANSWERS)
    line.grant(settings.property_id)
    line.wait_until_loaded(settings.property_id, 1, LAST_DAY)
    asked = {"property_ids": [settings.property_id], "report": PAGES, "metrics": ["sessions"]}
    asked["date_range"] = ["2026-06-16", "2026-06-17"]

    answer = line.query(**asked, dimensions=["landing_page"])
    total = line.query(**asked)

    assert {row["dimensions"]["landing_page"]: row["metrics"]["sessions"] for row in answer["results"]} == {
        path: sum(day[path] for day in days.values()) for path in TWINS
    }
    assert total["results"][0]["metrics"]["sessions"] == sum(sum(day.values()) for day in days.values())
    for path in TWINS:
        [row] = line.query(**asked, dimensions=["landing_page"], filters=[["is", "landing_page", [path]]])["results"]
        assert row["dimensions"]["landing_page"] == path


def test_what_google_restates_replaces_what_was_loaded(line: Line) -> None:
    settings = recorded_property("421000003", time_zone="Pacific/Auckland")
    before = {
        "20260601": {"/old": 1, "/old-gone": 2},
        "20260616": {"/kept": 5, "/gone": 7, "/changed": 3},
        "20260617": {"/gone-with-its-day": 4},
    }
    after = {
        "20260601": {"/old": 10},
        "20260616": {"/kept": 5, "/changed": 4, "/new": 1},
        "20260618": {"/next-day": 2},
    }
    write_recorded(line.google, settings, before)
    line.load_google()
    line.register(settings, date(2026, 6, 1), refresh_hour_local="0", **CUSTOM_ANSWERS)
    line.wait_until_loaded(settings.property_id, 1, LAST_DAY)
    assert _stored(line, settings) == _flat(before)

    write_recorded(line.google, settings, after)
    line.load_google()
    line.live_until(datetime(2026, 6, 18, 12, 2, tzinfo=UTC))  # in Auckland the next day has begun

    daily = {**after, "20260601": before["20260601"]}  # the daily run looks back four days
    line.wait_for("the daily run", lambda: _stored(line, settings) == _flat(daily))

    line.press(settings.property_id, "backfill", start_date="2026-06-01", end_date="2026-06-02")
    line.wait_for("the back-fill", lambda: _stored(line, settings) == _flat(after))


def _stored(line: Line, settings: PropertySettings) -> dict[tuple[str, str], int]:
    statement = "SELECT date, d1, m1 FROM report_custom WHERE property_id = %s"
    return {(f"{day:%Y%m%d}", path): int(count) for day, path, count in line.mysql(statement, settings.property_id)}


def _flat(days: Days) -> dict[tuple[str, str], int]:
    return {(day, path): sessions for day, pages in days.items() for path, sessions in pages.items()}


def test_pausing_resuming_and_deregistering_change_the_flows_and_keep_the_data(line: Line) -> None:
    settings = _registered(line, "421000004")
    names = set(line.flows(settings.property_id))
    assert set(line.flows(settings.property_id).values()) == {"Active"}

    line.press(settings.property_id, "state", state="paused")
    line.wait_for_status(settings.property_id, "paused")
    paused = line.flows(settings.property_id)
    line.press(settings.property_id, "state", state="active")
    line.wait_for_status(settings.property_id, "active")
    resumed = line.flows(settings.property_id)
    line.press(settings.property_id, "deregister", property_id=settings.property_id)
    line.wait_for_status(settings.property_id, "removed")

    assert set(paused) == set(resumed) == names
    assert "Active" not in paused.values()
    assert set(resumed.values()) == {"Active"}
    assert line.flows(settings.property_id) == {}
    assert _stored(line, settings) == {("20260617", "/a"): 3}


def test_an_event_that_comes_twice_or_too_late_changes_nothing(line: Line) -> None:
    settings = _registered(line, "421000005")
    line.press(settings.property_id, "state", state="paused")
    line.wait_for_status(settings.property_id, "paused")
    flows, columns = line.flows(settings.property_id), line.landing_columns(settings.property_id)
    timeline = Counter(line.timeline(settings.property_id))

    line.publish_again(settings.property_id, revision=2)
    line.wait_for("the second delivery", lambda: _registrations(line, settings, revision=2) > 1)
    line.publish_again(settings.property_id, revision=1)
    ignored = ("register", "ignored", "")
    line.wait_for("the older revision being ignored", lambda: ignored in line.timeline(settings.property_id))

    assert line.flows(settings.property_id) == flows
    assert line.landing_columns(settings.property_id) == columns != []
    assert line.status(settings.property_id) == ("paused", "")
    news = Counter(line.timeline(settings.property_id)) - timeline
    assert {entry: count for entry, count in news.items() if entry[0] in ("publish", "register")} == {
        ("publish", "published", ""): 2,
        ignored: 1,
    }
    assert "Ignored" in line.page(settings.property_id).text


def _registrations(line: Line, settings: PropertySettings, revision: int) -> int:
    told = ("registered", settings.property_id, revision)
    lines = line.log_lines("register")
    return sum((found["message"], found.get("property_id"), found.get("revision")) == told for found in lines)


def _registered(line: Line, property_id: str) -> PropertySettings:
    settings = recorded_property(property_id)
    write_recorded(line.google, settings, {"20260617": {"/a": 3}})
    line.load_google()
    line.register(settings, LAST_DAY, **CUSTOM_ANSWERS)
    line.wait_until_loaded(property_id, 1, LAST_DAY)
    return settings


def test_a_revoked_grant_is_told_in_words(line: Line) -> None:
    settings = _registered(line, "421000006")
    faults = {"revoke_refresh_token": REFRESH_TOKEN}
    requests.post(f"{line.stack.ga4_url}/_local/faults", json=faults, timeout=30).raise_for_status()

    line.press(settings.property_id, "backfill", start_date="2026-06-17", end_date="2026-06-17")
    line.wait_for("the run failing", lambda: ("ingest", "failed", PAGES) in line.timeline(settings.property_id))

    page = line.page(settings.property_id).text
    assert "Token has been expired or revoked" in page
    assert "Renew the connection profile" in page


def _rows(answer: dict[str, Any], dimensions: Iterable[str]) -> dict[Key, Numbers]:
    return {
        (row["dimensions"]["date"], *(row["dimensions"][name] for name in dimensions)): row["metrics"]
        for row in answer["results"]
    }
