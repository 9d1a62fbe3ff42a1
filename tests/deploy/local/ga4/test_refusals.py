"""Requests that Google refuses, and limits that it applies without a word."""

from typing import Any

import pytest

from tests.deploy.local.ga4.building import Service, event, write_events

TEN = "date hour year month day country city browser language pagePath"
ELEVEN = (
    "sessions engagedSessions newUsers totalUsers activeUsers eventCount keyEvents totalRevenue transactions "
    "addToCarts checkouts"
)


@pytest.fixture
def ready(service: Service) -> Service:
    write_events(service.folder, [event("2026-03-01T10:00")])
    service.load()
    return service


@pytest.mark.parametrize(
    ("dimensions", "metrics", "members", "message"),
    [
        (TEN, "sessions", {}, "limited to 9 dimensions"),
        ("date", ELEVEN, {}, "limited to 10 metrics"),
        ("", "", {}, "at least one dimension or metric"),
        ("date date", "sessions", {}, "asked for twice"),
        ("date", "sesions", {}, "Did you mean sessions? Field sesions is not a valid metric"),
        ("sessions", "", {}, "sessions is not a valid dimension"),
        ("customEvent:unknown", "sessions", {}, "customEvent:unknown is not a valid dimension"),
        ("itemName", "sessions", {}, "Please remove itemName"),
        ("date", "sessions", {"limit": "-1"}, "must not be negative"),
        ("date", "sessions", {"nonsense": 1}, "nonsense"),
        ("date", "sessions", {"currencyCode": "USD"}, "Conversion to USD is not emulated"),
        ("date", "sessions", {"cohortSpec": {}}, "cohort_spec is not emulated"),
        ("date", "sessions", {"orderBys": [{"metric": {"metricName": "eventCount"}}]}, "orderBy must name"),
        ("isoWeek", "active7DayUsers", {}, "Rolling users"),
        ("date", "sessions", {"dateRanges": []}, "1 to 4 date ranges"),
        ("date", "sessions", {"dateRanges": [{"startDate": "today", "endDate": "today"}] * 5}, "1 to 4 date ranges"),
        ("date", "sessions", {"dateRanges": [{"startDate": "2026-02-30", "endDate": "today"}]}, "Invalid date"),
        ("date", "sessions", {"dateRanges": [{"startDate": "20260301", "endDate": "today"}]}, "Invalid date"),
        ("date", "sessions", {"dateRanges": [{"startDate": "today", "endDate": "yesterday"}]}, "after the endDate"),
    ],
)
def test_invalid_requests_are_refused_by_name(
    ready: Service, dimensions: str, metrics: str, members: dict[str, Any], message: str
) -> None:
    status, error = ready.refusal(dimensions, metrics, **members)
    assert status == "INVALID_ARGUMENT"
    assert message in error


def test_ten_thousand_rows_are_given_unless_more_are_asked_for(service: Service) -> None:
    write_events(service.folder, [event("2026-03-01T10:00", page_path=f"/{number}") for number in range(10_001)])
    service.load()
    answer = service.ask("pagePath", "eventCount")
    assert (len(answer["rows"]), answer["rowCount"]) == (10_000, 10_001)
    assert len(service.ask("pagePath", "eventCount", limit="999999999")["rows"]) == 10_001


def test_errors_have_googles_shape(ready: Service) -> None:
    response = ready.client().post("/v1beta/properties/42:runReport", data=b"{")
    error = response.get_json()["error"]
    assert (response.status_code, error["code"], error["status"]) == (400, 400, "INVALID_ARGUMENT")


def test_a_property_nobody_knows_is_not_permitted(ready: Service) -> None:
    response = ready.client().post("/v1beta/properties/7:runReport", data=b"{}")
    assert (response.status_code, response.get_json()["error"]["status"]) == (403, "PERMISSION_DENIED")


def test_an_unknown_path_is_not_found(ready: Service) -> None:
    response = ready.client().get("/v1beta/nothing")
    assert (response.status_code, response.get_json()["error"]["status"]) == (404, "NOT_FOUND")
