"""Dimension and metric filters."""

from typing import Any

import pytest

from tests.deploy.local.ga4.building import Service, event, write_events

PATHS = {"/Shop": 1, "/shop/mug": 2, "/blog": 3, "": 4, "(not set)": 5}


@pytest.fixture
def pages(service: Service) -> Service:
    events = [event("2026-03-01T10:00", page_path=path) for path, count in PATHS.items() for _ in range(count)]
    write_events(service.folder, events)
    service.load()
    return service


def text(value: str, match_type: str = "EXACT", case_sensitive: bool = False) -> dict[str, Any]:
    wanted = {"value": value, "matchType": match_type, "caseSensitive": case_sensitive}
    return {"filter": {"fieldName": "pagePath", "stringFilter": wanted}}


def count(operation: str, value: int) -> dict[str, Any]:
    wanted = {"operation": operation, "value": {"int64Value": str(value)}}
    return {"filter": {"fieldName": "eventCount", "numericFilter": wanted}}


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (text("/shop"), {"/Shop"}),
        (text("/shop", case_sensitive=True), set()),
        (text("/SHOP", "BEGINS_WITH"), {"/Shop", "/shop/mug"}),
        (text("MUG", "ENDS_WITH"), {"/shop/mug"}),
        (text("O", "CONTAINS"), {"/Shop", "/shop/mug", "/blog", "(not set)"}),
        (text("/shop|/blog", "FULL_REGEXP"), {"/Shop", "/blog"}),
        (text("^/b|mug$", "PARTIAL_REGEXP"), {"/shop/mug", "/blog"}),
        (text("S", "PARTIAL_REGEXP", case_sensitive=True), {"/Shop"}),
        ({"filter": {"fieldName": "pagePath", "inListFilter": {"values": ["/SHOP", "/blog"]}}}, {"/Shop", "/blog"}),
        (
            {"filter": {"fieldName": "pagePath", "inListFilter": {"values": ["/SHOP"], "caseSensitive": True}}},
            set(),
        ),
        ({"filter": {"fieldName": "pagePath", "emptyFilter": {}}}, {"", "(not set)"}),
        ({"notExpression": text("/", "CONTAINS")}, {"", "(not set)"}),
        ({"andGroup": {"expressions": [text("/s", "BEGINS_WITH"), text("g", "ENDS_WITH")]}}, {"/shop/mug"}),
        ({"orGroup": {"expressions": [text("/blog"), text("/shop")]}}, {"/Shop", "/blog"}),
    ],
)
def test_dimension_filters_choose_rows(pages: Service, expression: dict[str, Any], expected: set[str]) -> None:
    assert {path for path, _ in pages.rows("pagePath", "eventCount", dimensionFilter=expression)} == expected


def test_a_dimension_filter_may_look_at_a_dimension_that_is_not_shown(pages: Service) -> None:
    assert pages.rows("date", "eventCount", dimensionFilter=text("/blog")) == [("20260301", "3")]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        (count("EQUAL", 3), {"3"}),
        (count("LESS_THAN", 2), {"1"}),
        (count("LESS_THAN_OR_EQUAL", 2), {"1", "2"}),
        (count("GREATER_THAN", 4), {"5"}),
        (count("GREATER_THAN_OR_EQUAL", 4), {"4", "5"}),
        ({"notExpression": count("GREATER_THAN", 1)}, {"1"}),
        (
            {
                "filter": {
                    "fieldName": "eventCount",
                    "betweenFilter": {"fromValue": {"int64Value": 2}, "toValue": {"doubleValue": 3.5}},
                }
            },
            {"2", "3"},
        ),
    ],
)
def test_metric_filters_choose_rows(pages: Service, expression: dict[str, Any], expected: set[str]) -> None:
    assert {number for _, number in pages.rows("pagePath", "eventCount", metricFilter=expression)} == expected


def test_money_is_filtered_in_the_currency(service: Service) -> None:
    write_events(service.folder, [event("2026-03-01T10:00", name="purchase", purchase_revenue=2.5)])
    service.load()
    over = {"operation": "GREATER_THAN", "value": {"doubleValue": 2.4}}
    wanted = {"filter": {"fieldName": "totalRevenue", "numericFilter": over}}
    assert service.rows("", "totalRevenue", metricFilter=wanted) == [("2.5",)]


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"dimensionFilter": text("(", "FULL_REGEXP")}, "Invalid regular expression"),
        ({"dimensionFilter": {"filter": {"fieldName": "pagePath"}}}, "needs a string, inList or empty filter"),
        ({"dimensionFilter": {"andGroup": {}}}, "has no expressions"),
        ({"dimensionFilter": {"notExpression": {}}}, "is empty"),
        ({"dimensionFilter": {"filter": {"fieldName": "nope", "emptyFilter": {}}}}, "nope is not a valid dimension"),
        ({"metricFilter": {"filter": {"fieldName": "eventCount", "emptyFilter": {}}}}, "needs a numeric or between"),
        ({"metricFilter": {"filter": {"fieldName": "sessions", "emptyFilter": {}}}}, "not among the request's metrics"),
        ({"metricFilter": count("OPERATION_UNSPECIFIED", 1)}, "has no operation"),
    ],
)
def test_bad_filters_are_refused(pages: Service, members: dict[str, Any], message: str) -> None:
    status, text_of_error = pages.refusal("pagePath", "eventCount", **members)
    assert status == "INVALID_ARGUMENT"
    assert message in text_of_error
