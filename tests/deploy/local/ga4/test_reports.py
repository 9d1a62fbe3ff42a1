"""What is counted, and how a report is cut, ordered and totalled."""

import pytest

from tests.deploy.local.ga4.building import Service, event, write_events, write_reports

DAY_1, DAY_2 = "2026-03-01T", "2026-03-02T"


@pytest.fixture
def shop(service: Service) -> Service:
    write_events(
        service.folder,
        [
            event(f"{DAY_1}23:50", name="first_visit", country="Việt Nam", is_active_user=True),
            event(f"{DAY_1}23:50", country="Việt Nam", session_engaged=True, is_active_user=True),
            event(f"{DAY_2}00:10", country="Việt Nam", session_engaged=True, engagement_time_msec=9_500),
            event(
                f"{DAY_2}00:20",
                name="purchase",
                country="Việt Nam",
                transaction_id="T1",
                purchase_revenue=0.1,
                item_revenue=0.1,
                item_quantity=3,
                item_name="Mug",
            ),
            event(f"{DAY_2}01:00", "bob", country="France", ga_session_number=4),
            event(f"{DAY_2}02:00", "bob", "purchase", ga_session_id=2, purchase_revenue=0.2, transaction_id="T2"),
            event(f"{DAY_2}03:00", "bob", "refund", ga_session_id=2, refund_value=0.05, ad_revenue=1.5),
        ],
    )
    service.load()
    return service


def test_a_session_over_midnight_counts_on_both_days_and_once_in_all(shop: Service) -> None:
    assert shop.rows("date", "sessions", orderBys=[{"dimension": {"dimensionName": "date"}}]) == [
        ("20260301", "1"),
        ("20260302", "3"),
    ]
    assert shop.rows("", "sessions") == [("3",)]


def test_users_and_sessions_are_counted_distinctly(shop: Service) -> None:
    metrics = "totalUsers activeUsers newUsers totalPurchasers engagedSessions screenPageViews eventCount keyEvents"
    assert shop.rows("", metrics) == [("2", "1", "1", "2", "1", "3", "7", "2")]


def test_money_is_summed_exactly(shop: Service) -> None:
    metrics = "grossPurchaseRevenue refundAmount purchaseRevenue totalRevenue transactions"
    assert shop.rows("", metrics) == [("0.3", "0.05", "0.25", "1.75", "2")]


def test_durations_are_in_seconds(shop: Service) -> None:
    assert shop.rows("", "userEngagementDuration averageSessionDuration") == [("9", "1800")]
    assert shop.ask("", "averageSessionDuration")["metricHeaders"][0]["type"] == "TYPE_SECONDS"


def test_a_ratio_without_a_denominator_is_zero(shop: Service) -> None:
    rows = shop.rows("eventName", "averagePurchaseRevenue eventCount")
    assert ("purchase", "0.15", "2") in rows
    assert ("refund", "0", "1") in rows


def test_items_are_split_by_name_and_rows_of_zeros_are_dropped(shop: Service) -> None:
    assert shop.rows("itemName", "itemsPurchased itemRevenue") == [("Mug", "3", "0.1")]
    kept = shop.rows("itemName", "itemsPurchased itemRevenue", keepEmptyRows=True)
    assert kept == [("Mug", "3", "0.1"), ("(not set)", "0", "0")]


def test_missing_text_is_not_set(shop: Service) -> None:
    assert shop.rows("country", "eventCount") == [("Việt Nam", "4"), ("(not set)", "2"), ("France", "1")]


def test_new_and_returning_users_are_told_apart(shop: Service) -> None:
    assert ("returning", "1") in shop.rows("newVsReturning", "totalUsers")


def test_dates_and_hours_are_derived(shop: Service) -> None:
    dimensions = "dateHour isoYearIsoWeek dayOfWeek dayOfWeekName yearMonth"
    rows = shop.rows(dimensions, "eventCount")
    assert rows[0] == ("2026030123", "202609", "0", "Sunday", "202603", "2")


def test_values_that_differ_by_bytes_only_are_different_rows(service: Service) -> None:
    twins = ["/a", "/A", "/a ", "/é", "/e\u0301", "", "(other)", "(not set)", "\u202e/x", "=1+1"]
    write_events(service.folder, [event(f"{DAY_1}10:00", page_path=path) for path in twins])
    service.load()
    assert {path for path, _ in service.rows("pagePath", "eventCount")} == set(twins)


def test_rolling_users_look_back_from_each_date(service: Service) -> None:
    active = [("2026-02-25T10:00", "ann"), ("2026-03-01T10:00", "bob"), ("2026-03-05T10:00", "bob")]
    write_events(service.folder, [event(at, user, is_active_user=True) for at, user in active])
    service.load()
    metrics = "active1DayUsers active7DayUsers active28DayUsers"
    by_date = [{"dimension": {"dimensionName": "date"}}]
    assert service.rows("date", metrics, orderBys=by_date) == [
        ("20260301", "1", "2", "2"),
        ("20260305", "1", "1", "2"),
    ]
    assert service.rows("", metrics) == [("1", "1", "2")]


def test_several_date_ranges_get_a_dimension(shop: Service) -> None:
    ranges = [{"startDate": "2026-03-01", "endDate": "2026-03-01"}, {"startDate": "9daysAgo", "endDate": "today"}]
    answer = shop.ask("", "sessions", dateRanges=ranges, metricAggregations=["TOTAL"])
    assert [one["name"] for one in answer["dimensionHeaders"]] == ["dateRange"]
    assert shop.rows("", "sessions", dateRanges=ranges) == [("date_range_1", "3"), ("date_range_0", "1")]
    assert [one["metricValues"][0]["value"] for one in answer["totals"]] == ["1", "3"]


def test_relative_dates_are_the_propertys(service: Service) -> None:
    late = "2026-03-09T20:00"  # already the 10th in Vietnam
    write_events(service.folder, [event(late, event_date="20260310", event_hour="03")], time_zone="Asia/Ho_Chi_Minh")
    service.load()
    today = [{"startDate": "today", "endDate": "today"}]
    yesterday = [{"startDate": "yesterday", "endDate": "yesterday"}]
    assert service.rows("date", "eventCount", dateRanges=today) == [("20260310", "1")]
    assert service.rows("date", "eventCount", dateRanges=yesterday) == []


def test_rows_are_ordered_as_asked(shop: Service) -> None:
    up = [{"metric": {"metricName": "eventCount"}}]
    assert [count for _, count in shop.rows("country", "eventCount", orderBys=up)] == ["1", "2", "4"]
    down = [{"dimension": {"dimensionName": "country", "orderType": "CASE_INSENSITIVE_ALPHANUMERIC"}, "desc": True}]
    assert shop.rows("country", "eventCount", orderBys=down)[0][0] == "Việt Nam"


def test_totals_are_over_all_rows_not_over_the_page(shop: Service) -> None:
    answer = shop.ask("country", "eventCount", limit=1, metricAggregations=["TOTAL", "MAXIMUM", "MINIMUM"])
    values = {name: answer[name][0]["metricValues"][0]["value"] for name in ("totals", "maximums", "minimums")}
    assert values == {"totals": "7", "maximums": "4", "minimums": "1"}
    assert answer["totals"][0]["dimensionValues"] == [{"value": "RESERVED_TOTAL"}]


def test_an_invisible_metric_orders_and_filters_but_is_not_shown(shop: Service) -> None:
    hidden = [{"name": "totalUsers"}, {"name": "eventCount", "invisible": True}]
    four = {"operation": "EQUAL", "value": {"int64Value": 4}}
    only = {"filter": {"fieldName": "eventCount", "numericFilter": four}}
    request = {
        "dateRanges": [{"startDate": "2026-03-01", "endDate": "today"}],
        "dimensions": [{"name": "country"}],
        "metrics": hidden,
        "metricFilter": only,
    }
    answer = shop.client().post("/v1beta/properties/42:runReport", json=request).get_json()
    assert [header["name"] for header in answer["metricHeaders"]] == ["totalUsers"]
    assert answer["rows"] == [{"dimensionValues": [{"value": "Việt Nam"}], "metricValues": [{"value": "1"}]}]


def test_rare_values_are_rolled_up_above_the_cardinality_limit(service: Service) -> None:
    paths = ["/a"] * 3 + ["/b"] * 2 + ["/c", "/d"]
    events = [event(f"{DAY_1}10:00", page_path=path) for path in paths]
    write_events(service.folder, events, cardinality_limit=2)
    service.load()
    answer = service.ask("date pagePath", "eventCount totalUsers")
    assert answer["metadata"]["dataLossFromOtherRow"] is True
    assert ("20260301", "(other)", "2", "1") in service.rows("date pagePath", "eventCount totalUsers")
    assert "dataLossFromOtherRow" not in service.ask("date", "eventCount")["metadata"]


def test_small_demographic_rows_are_withheld_when_switched_on(service: Service) -> None:
    events = [event(f"{DAY_1}10:00", user, city="Huế") for user in ("ann", "bob")]
    write_events(service.folder, [*events, event(f"{DAY_1}10:00", "eve", city="Paris")], minimum_users=2)
    service.load()
    assert service.rows("city", "totalUsers") == [("Huế", "2")]
    assert service.ask("city", "totalUsers")["metadata"]["subjectToThresholding"] is True
    assert "subjectToThresholding" not in service.ask("eventName", "totalUsers")["metadata"]


def test_a_property_without_rows_answers_with_none(service: Service) -> None:
    write_events(service.folder, [])
    service.load()
    assert service.ask("date", "sessions averageSessionDuration active7DayUsers").get("rows") is None
    assert "rowCount" not in service.ask("", "sessions")


class TestRecorded:
    @pytest.fixture
    def recorded(self, service: Service) -> Service:
        days = ["20260301", "20260302"]
        write_reports(
            service.folder,
            totals={"date": days, "sessions": [3_000_000_000, 500_000_000], "totalUsers": [5, 6]},
            browser={"date": [*days, days[0]], "browser": ["Chrome", "Chrome", "Edge"], "sessions": [7, 8, 1]},
            page={"date": days, "pagePath": ["/", "/"], "engagedSessions": [1, 2], "totalRevenue": [0.1, 0.2]},
        )
        service.load()
        return service

    def test_the_report_with_exactly_the_dimensions_answers(self, recorded: Service) -> None:
        assert recorded.rows("date", "sessions totalUsers")[0] == ("20260301", "3000000000", "5")
        assert recorded.rows("browser date", "sessions")[0] == ("Chrome", "20260302", "8")

    def test_sums_exceed_32_bits(self, recorded: Service) -> None:
        assert recorded.rows("", "sessions") == [("3500000000",)]
        assert recorded.rows("yearMonth", "sessions") == [("202603", "3500000000")]

    def test_the_date_range_cuts(self, recorded: Service) -> None:
        second = [{"startDate": "2026-03-02", "endDate": "2026-03-10"}]
        assert recorded.rows("browser", "sessions", dateRanges=second) == [("Chrome", "8")]

    def test_a_filter_may_look_at_another_recorded_dimension(self, recorded: Service) -> None:
        edge = {"filter": {"fieldName": "browser", "stringFilter": {"value": "edge"}}}
        assert recorded.rows("date", "sessions", dimensionFilter=edge) == [("20260301", "1")]

    def test_money_is_summed_over_pages(self, recorded: Service) -> None:
        assert recorded.rows("date", "totalRevenue") == [("20260302", "0.2"), ("20260301", "0.1")]

    @pytest.mark.parametrize(
        ("dimensions", "metrics"),
        [
            ("", "totalUsers"),
            ("yearMonth", "totalUsers"),
            ("date", "engagedSessions"),
            ("browser pagePath", "sessions"),
        ],
    )
    def test_what_must_not_be_summed_is_refused(self, recorded: Service, dimensions: str, metrics: str) -> None:
        status, message = recorded.refusal(dimensions, metrics)
        assert status == "INVALID_ARGUMENT"
        assert "incompatible" in message

    def test_unrecorded_fields_are_unknown(self, recorded: Service) -> None:
        assert "country is not a valid dimension" in recorded.refusal("country", "sessions")[1]
