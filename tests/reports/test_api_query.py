"""The query endpoint: exact numbers, and refusals that say what to do."""

import json
import unicodedata
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dataflows.contracts.metrics import COMPUTED_METRICS
from dataflows.models import DataFlow
from tests.dataflows.conftest import unsaved_data_flow
from tests.reports.conftest import AddRow

DAY, NEXT_DAY = date(2026, 11, 1), date(2026, 11, 2)
RANGE = ["2026-11-01", "2026-11-30"]


@pytest.fixture
def api(client: Client, analyst: User) -> Client:
    client.force_login(analyst)
    return client


def ask(client: Client, **members: Any) -> Any:
    body = {"property_ids": ["123456789"], "date_range": RANGE, **members}
    return client.post("/api/v1/query", body, content_type="application/json")


def answer(client: Client, **members: Any) -> dict[str, Any]:
    response = ask(client, **members)
    assert response.status_code == 200, response.content
    return dict(json.loads(response.content, parse_float=Decimal))


def problem(response: Any, status: int, kind: str) -> dict[str, Any]:
    assert response.status_code == status, response.content
    assert response["Content-Type"] == "application/problem+json"
    body = json.loads(response.content)
    assert body["type"] == kind
    assert body["detail"]
    return dict(body)


def test_sums_are_exact_to_the_last_digit(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY, sessions=3_500_000_000, total_revenue=Decimal("0.1000000001"))
    add_row("daily_totals", NEXT_DAY, sessions=3_500_000_001, total_revenue=Decimal("12345678901234567.0000000002"))
    row = answer(api, metrics=["sessions", "total_revenue"])["results"][0]
    assert row["metrics"] == {"sessions": 7_000_000_001, "total_revenue": Decimal("12345678901234567.1000000003")}


def test_ratios_are_ratios_of_sums(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY, sessions=1, engaged_sessions=1, user_engagement_duration=Decimal("10.5"))
    add_row("daily_totals", NEXT_DAY, sessions=6, engaged_sessions=1, user_engagement_duration=Decimal(1))
    names = ["engagement_rate", "bounce_rate", "average_engagement_time_per_session"]
    metrics = answer(api, metrics=names)["results"][0]["metrics"]
    exact = {"engagement_rate": Fraction(2, 7), "bounce_rate": Fraction(5, 7)}
    exact["average_engagement_time_per_session"] = Fraction(23, 14)
    for name, value in exact.items():
        assert abs(Fraction(metrics[name]) - value) <= Fraction(1, 2 * 10**10), name


def test_ratio_without_denominator_is_null(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY, sessions=0)
    assert answer(api, metrics=["engagement_rate"])["results"][0]["metrics"] == {"engagement_rate": None}


def test_value_that_was_left_empty_is_null_and_not_in_the_sum(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY, sessions=1, total_revenue=None)
    add_row("daily_totals", NEXT_DAY, sessions=1, total_revenue=Decimal("2.5"))
    names = ["sessions", "total_revenue", "revenue_per_session"]
    days = [row["metrics"] for row in answer(api, metrics=names, granularity="day")["results"]]
    assert days[0] == {"sessions": 1, "total_revenue": None, "revenue_per_session": None}
    assert days[1]["revenue_per_session"] == Decimal("2.5")
    (whole,) = answer(api, metrics=names[:2])["results"]
    assert whole["metrics"] == {"sessions": 2, "total_revenue": Decimal("2.5")}


def test_every_declared_formula_divides_its_own_parts() -> None:
    for metric in COMPUTED_METRICS.values():
        assert metric.numerator
        assert metric.denominator
        assert all(part.column in metric.formula for part in (*metric.numerator, *metric.denominator))


def test_days_weeks_and_months_are_grouped_by_their_first_day(api: Client, add_row: AddRow) -> None:
    for day, sessions in ((date(2026, 11, 1), 1), (date(2026, 11, 2), 2), (date(2026, 11, 8), 4)):
        add_row("daily_totals", day, sessions=sessions)

    def grouped(granularity: str) -> dict[str, int]:
        rows = answer(api, metrics=["sessions"], granularity=granularity)["results"]
        return {row["dimensions"]["date"]: row["metrics"]["sessions"] for row in rows}

    assert grouped("day") == {"2026-11-01": 1, "2026-11-02": 2, "2026-11-08": 4}
    assert grouped("week") == {"2026-10-26": 1, "2026-11-02": 6}
    assert grouped("month") == {"2026-11-01": 7}


def test_users_are_never_summed_under_their_own_name(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY, active_users=2)
    add_row("daily_totals", NEXT_DAY, active_users=3)
    body = problem(ask(api, metrics=["active_users"]), 422, "non-additive-metric")
    assert "sum_daily_active_users" in body["detail"]
    assert answer(api, metrics=["sum_daily_active_users"])["results"][0]["metrics"] == {"sum_daily_active_users": 5}
    by_day = answer(api, metrics=["active_users"], granularity="day")["results"]
    assert [row["metrics"]["active_users"] for row in by_day] == [2, 3]


@pytest.mark.parametrize("metric", ["total_users", "sessions_per_active_user", "new_user_share"])
def test_ratio_over_users_needs_the_grain_it_was_delivered_at(api: Client, add_row: AddRow, metric: str) -> None:
    add_row("daily_totals", DAY, total_users=4, active_users=2, new_users=1, sessions=6)
    problem(ask(api, metrics=[metric]), 422, "non-additive-metric")
    answer(api, metrics=[metric], granularity="day")


def test_look_alikes_are_distinct_rows(api: Client, add_row: AddRow) -> None:
    names = [
        "page",
        "Page",
        "page ",
        "pagé",
        unicodedata.normalize("NFD", "pagé"),
        "page😀",
        "",
        None,
        "null",
        "(not set)",
        "(other)",
    ]
    for number, name in enumerate(names, start=1):
        add_row("events", DAY, (name,), event_count=number)
    rows = answer(api, report="events", metrics=["event_count"], dimensions=["event_name"])["results"]
    found = {row["dimensions"]["event_name"]: row["metrics"]["event_count"] for row in rows}
    assert found == {name: number for number, name in enumerate(names, start=1)}


@pytest.mark.parametrize(
    ("asked", "names"),
    [
        (["is", "event_name", ["page"]], {"page"}),
        (["is", "event_name", ["page "]], {"page "}),
        (["is_not", "event_name", ["page"]], {"Page", "page ", "100%_'\\"}),
        (["contains", "event_name", ["age"]], {"page", "Page", "page "}),
        (["contains_not", "event_name", ["age"]], {"100%_'\\"}),
        (["contains", "event_name", ["%_'\\"]], {"100%_'\\"}),
    ],
)
def test_filters_compare_bytes(api: Client, add_row: AddRow, asked: list[Any], names: set[str]) -> None:
    for name in ("page", "Page", "page ", "100%_'\\"):
        add_row("events", DAY, (name,), event_count=1)
    members = {"report": "events", "metrics": ["event_count"], "dimensions": ["event_name"], "filters": [asked]}
    assert {row["dimensions"]["event_name"] for row in answer(api, **members)["results"]} == names


@pytest.mark.parametrize(
    ("how", "values", "names"),
    [
        ("is", [""], {"", None}),
        ("is_not", [""], {"page"}),
        ("is_not", ["page"], {"", None}),
        ("contains", ["a"], {"page"}),
        ("contains_not", ["a"], {"", None}),
    ],
)
def test_filters_take_null_for_the_empty_text(
    api: Client, add_row: AddRow, how: str, values: list[str], names: set[str | None]
) -> None:
    for name in ("page", "", None):
        add_row("events", DAY, (name,), event_count=1)
    asked = [[how, "event_name", values]]
    rows = answer(api, report="events", metrics=["event_count"], dimensions=["event_name"], filters=asked)["results"]
    assert sorted(map(repr, (row["dimensions"]["event_name"] for row in rows))) == sorted(map(repr, names))


def test_pages_of_equal_rows_neither_repeat_nor_miss_one(api: Client, add_row: AddRow) -> None:
    for number in range(7):
        add_row("events", DAY, (f"e{number}",), event_count=1)
    members: dict[str, Any] = {"report": "events", "metrics": ["event_count"], "dimensions": ["event_name"]}
    members |= {"order_by": [["event_count", "desc"]], "include": {"total_rows": True, "totals": True}}
    pages = [answer(api, **members, pagination={"limit": 3, "offset": offset}) for offset in (0, 3, 6)]
    assert [len(page["results"]) for page in pages] == [3, 3, 1]
    assert len({row["dimensions"]["event_name"] for page in pages for row in page["results"]}) == 7
    assert pages[0]["meta"]["total_rows"] == 7
    assert pages[0]["totals"] == {"event_count": 7}


def test_order_by_a_ratio(api: Client, add_row: AddRow) -> None:
    for name, engaged in (("Organic Search", 1), ("Direct", 3), ("Email", 2)):
        add_row("traffic_acquisition", DAY, (name, "s", "m", "c", "x"), sessions=4, engaged_sessions=engaged)
    rows = answer(
        api,
        report="traffic_acquisition",
        metrics=["engagement_rate"],
        dimensions=["session_default_channel_group"],
        order_by=[["engagement_rate", "desc"]],
    )["results"]
    assert [row["dimensions"]["session_default_channel_group"] for row in rows] == ["Direct", "Email", "Organic Search"]


def test_custom_report_is_asked_for_by_its_own_field_names(api: Client, add_row: AddRow) -> None:
    add_row("custom", DAY, ("Windows",), report_id="custom_by_system", m1=Decimal(3_500_000_000), m2=Decimal(2))
    row = answer(api, report="custom_by_system", metrics=["sessions"], dimensions=["operating_system"])["results"][0]
    assert row == {"dimensions": {"operating_system": "Windows"}, "metrics": {"sessions": 3_500_000_000}}


def test_address_asks_the_same_as_a_body(api: Client, add_row: AddRow) -> None:
    add_row("events", DAY, ("purchase",), event_count=2)
    add_row("events", DAY, ("scroll",), event_count=5)
    response = api.get(
        "/api/v1/query?property_id=123456789&report=events&metric=event_count&dimension=event_name"
        "&start_date=2026-11-01&end_date=2026-11-30&filter=event_name:is:purchase&order_by=event_count:desc&limit=5"
    )
    assert [row["metrics"] for row in json.loads(response.content)["results"]] == [{"event_count": 2}]


@pytest.mark.parametrize(
    ("members", "pointer"),
    [
        ({"metrics": []}, "/metrics"),
        ({"metrics": ["sessions"], "limit": 3}, "/limit"),
        ({"metrics": ["sessions; DROP TABLE x"]}, "/metrics/0"),
        ({"metrics": ["sessions"], "date_range": ["2026-11-02", "2026-11-01"]}, ""),
        ({"metrics": ["sessions"], "date_range": ["yesterday", "2026-11-01"]}, "/date_range/0"),
        ({"metrics": ["sessions"], "pagination": {"limit": 10_001}}, "/pagination/limit"),
        ({"metrics": ["sessions"], "property_ids": ["G-ABC"]}, "/property_ids/0"),
        ({"metrics": ["sessions"], "report": "nothing"}, "/report"),
    ],
)
def test_query_that_cannot_be_read_is_pointed_at(api: Client, members: dict[str, Any], pointer: str) -> None:
    assert problem(ask(api, **members), 400, "invalid-query")["pointer"] == pointer


@pytest.mark.parametrize(
    "members",
    [
        {"metrics": ["nothing"]},
        {"metrics": ["sessions"], "dimensions": ["country"]},
        {"metrics": ["sessions"], "filters": [["is", "country", ["x"]]]},
        {"metrics": ["sessions"], "order_by": [["event_count", "asc"]]},
        {"metrics": ["sessions"], "dimensions": ["date"]},
    ],
)
def test_field_the_report_has_not_got_is_refused(api: Client, add_row: AddRow, members: dict[str, Any]) -> None:
    add_row("daily_totals", DAY)
    problem(ask(api, **members), 400, "invalid-query")


def test_unknown_parameter_in_the_address_is_an_error(api: Client) -> None:
    problem(api.get("/api/v1/query?property=1"), 400, "invalid-query")
    problem(api.get("/api/v1/meta?x=1"), 400, "invalid-query")
    assert problem(api.get("/api/v1/query?a/b~=1"), 400, "invalid-query")["pointer"] == "/a~1b~0"


def test_single_parameter_given_twice_is_an_error(api: Client) -> None:
    assert problem(api.get("/api/v1/query?limit=1&limit=2"), 400, "invalid-query")["pointer"] == "/limit"


def test_body_that_is_no_json_is_refused(api: Client) -> None:
    problem(api.post("/api/v1/query", "{", content_type="application/json"), 400, "invalid-query")


def test_property_one_may_not_read_is_as_unknown_as_none(client: Client, stranger: User, data_flow: DataFlow) -> None:
    client.force_login(stranger)
    foreign = problem(ask(client, metrics=["sessions"]), 404, "unknown-property")
    missing = problem(ask(client, metrics=["sessions"], property_ids=["42"]), 404, "unknown-property")
    assert foreign["detail"].replace("123456789", "42") == missing["detail"]
    assert json.loads(client.get("/api/v1/meta").content) == {"properties": [], "reports": []}


def test_nobody_gets_in_without_credentials(client: Client, data_flow: DataFlow) -> None:
    problem(ask(client, metrics=["sessions"]), 401, "not-authenticated")
    problem(client.get("/api/v1/meta"), 401, "not-authenticated")


def test_report_that_was_never_loaded_is_not_ready(api: Client) -> None:
    problem(ask(api, metrics=["sessions"]), 503, "data-not-ready")


def test_currencies_are_never_added(client: Client, operator: User, data_flow: DataFlow, add_row: AddRow) -> None:
    unsaved_data_flow(property_id="42", currency_code="USD", created_by=operator).save(force_insert=True)
    for property_id in ("42", "123456789"):
        add_row("daily_totals", DAY, property_id=property_id, total_revenue=Decimal(5))
    client.force_login(operator)
    both: dict[str, Any] = {"property_ids": ["123456789", "42"], "metrics": ["total_revenue"]}
    problem(ask(client, **both), 422, "mixed-currency")
    rows = answer(client, **both, dimensions=["property_id"])["results"]
    assert {row["dimensions"]["property_id"]: row["metrics"]["total_revenue"] for row in rows} == {
        "123456789": 5,
        "42": 5,
    }


def test_totals_of_different_currencies_are_left_out(
    client: Client, operator: User, data_flow: DataFlow, add_row: AddRow
) -> None:
    unsaved_data_flow(property_id="42", currency_code="USD", created_by=operator).save(force_insert=True)
    for property_id in ("42", "123456789"):
        add_row("daily_totals", DAY, property_id=property_id, total_revenue=Decimal(5), sessions=2, active_users=1)
    client.force_login(operator)
    body = answer(
        client,
        property_ids=["123456789", "42"],
        dimensions=["property_id"],
        metrics=["total_revenue", "revenue_per_session", "sessions", "sum_daily_active_users"],
        include={"totals": True},
    )
    assert body["totals"] == {"sessions": 4}
    assert set(body["meta"]["metric_warnings"]) == {"total_revenue", "revenue_per_session", "sum_daily_active_users"}


def test_texts_alike_for_a_thousand_bytes_are_distinct_rows(api: Client, add_row: AddRow) -> None:
    paths = [f"/{'a' * 1500}{end}" for end in "xy"]
    for number in range(10):
        add_row("pages", DAY, ("host", paths[number % 2], f"title {number}"), screen_page_views=1)
    members: dict[str, Any] = {"report": "pages", "metrics": ["screen_page_views"], "dimensions": ["page_path"]}
    members["include"] = {"total_rows": True}
    pages = [answer(api, **members, pagination={"limit": 1, "offset": offset}) for offset in (0, 1)]
    found = {row["dimensions"]["page_path"]: row["metrics"]["screen_page_views"] for p in pages for row in p["results"]}
    assert found == dict.fromkeys(paths, 5)
    assert pages[0]["meta"]["total_rows"] == 2


def test_meta_names_what_can_be_asked(api: Client) -> None:
    body = json.loads(api.get("/api/v1/meta").content)
    assert [found["property_id"] for found in body["properties"]] == ["123456789"]
    reports = {found["slug"]: found for found in body["reports"]}
    assert {"daily_totals", "custom_by_system"} <= reports.keys()
    names = {metric["name"] for metric in reports["daily_totals"]["metrics"]}
    assert {"sessions", "engagement_rate", "sum_daily_active_users"} <= names


def test_answer_says_how_far_the_data_reaches(api: Client, add_row: AddRow) -> None:
    add_row("daily_totals", DAY)
    meta = answer(api, metrics=["sessions"])["meta"]
    assert (meta["currency"], meta["time_zone"], meta["data_through"]) == ("EUR", "Asia/Ho_Chi_Minh", "2026-11-01")
    assert meta["provisional_from"]


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000])
def test_body_nested_too_deeply_is_refused(api: Client, body: str) -> None:
    response = api.post("/api/v1/query", body, content_type="application/json")
    assert "nested" in problem(response, 400, "invalid-query")["detail"]


def test_words_of_a_refusal_end_in_one_full_stop(api: Client) -> None:
    response = ask(api, metrics=["sessions"], date_range=["2026-11-02", "2026-11-01"])
    assert problem(response, 400, "invalid-query")["detail"].endswith("before the first.")


def test_body_larger_than_any_query_is_refused(api: Client) -> None:
    response = api.post("/api/v1/query", " " * 3_000_000, content_type="application/json")
    problem(response, 413, "too-large")


@pytest.mark.parametrize(
    ("values", "words"), [(["\ud800"], "unicode"), (["x" * 1_001], "1000"), (["x"] * 101, "at most 100")]
)
def test_filter_value_that_no_dimension_can_have_is_refused(api: Client, values: list[str], words: str) -> None:
    response = ask(api, metrics=["sessions"], filters=[["is", "page_path", values]])
    assert words in problem(response, 400, "invalid-query")["detail"]


def test_filters_have_so_many_values_in_all(api: Client) -> None:
    filters = [["contains", "page_path", [str(number) for number in range(70)]]] * 3
    response = ask(api, metrics=["sessions"], filters=filters)
    assert "200 values" in problem(response, 400, "invalid-query")["detail"]


def test_query_that_takes_too_long_is_ended(
    api: Client, data_flow: DataFlow, short_statements: None, locked_pages: None
) -> None:
    response = ask(api, report="pages", metrics=["event_count"])
    assert "fewer days" in problem(response, 503, "query-too-slow")["detail"]


def test_answer_over_many_properties_needs_no_more_queries_than_over_one(
    client: Client,
    operator: User,
    data_flow: DataFlow,
    add_row: AddRow,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    for number, property_id in enumerate(("42", "43", "44"), start=1):
        unsaved_data_flow(property_id=property_id, created_by=operator).save(force_insert=True)
        add_row("daily_totals", date(2026, 11, number), property_id=property_id)
    client.force_login(operator)
    reach = {}
    for count in (1, 3):
        with django_assert_num_queries(
            8
        ):  # session, user, their permissions (2), flows, is anything there, rows, reach
            body = answer(client, metrics=["sessions"], property_ids=["44", "43", "42"][:count])
        reach[count] = body["meta"]["data_through"]
    assert reach == {1: "2026-11-03", 3: "2026-11-01"}
