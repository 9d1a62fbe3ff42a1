"""Google's own clients talk to the service over HTTP."""

from collections.abc import Iterator
from threading import Thread

import pytest
from google.analytics.admin_v1beta import AnalyticsAdminServiceClient, ListPropertiesRequest
from google.analytics.admin_v1beta.services.analytics_admin_service.transports import (
    AnalyticsAdminServiceRestTransport,
)
from google.analytics.data_v1beta import BetaAnalyticsDataClient
from google.analytics.data_v1beta.services.beta_analytics_data.transports import BetaAnalyticsDataRestTransport
from google.analytics.data_v1beta.types import (
    BatchRunReportsRequest,
    CheckCompatibilityRequest,
    Compatibility,
    DateRange,
    Dimension,
    Metric,
    MetricType,
    RunReportRequest,
)
from google.api_core.exceptions import BadRequest
from google.auth.credentials import AnonymousCredentials
from werkzeug.serving import make_server

from deploy.local.ga4.app import create_ga4_app
from tests.deploy.local.ga4.building import Service, event, write_events

NAME = "properties/42"
ANONYMOUS = AnonymousCredentials()  # type: ignore[no-untyped-call]


@pytest.fixture
def host(service: Service) -> Iterator[str]:
    days = [event(f"2026-03-0{day}T10:00", user) for day in range(1, 10) for user in ("ann", "bob")]
    write_events(service.folder, days)
    service.load()
    server = make_server("127.0.0.1", 0, create_ga4_app(service.state, service.clock), threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def data(host: str) -> Iterator[BetaAnalyticsDataClient]:
    transport = BetaAnalyticsDataRestTransport(host=host, url_scheme="http", credentials=ANONYMOUS)
    with BetaAnalyticsDataClient(transport=transport) as client:
        yield client


@pytest.fixture
def admin(host: str) -> Iterator[AnalyticsAdminServiceClient]:
    transport = AnalyticsAdminServiceRestTransport(host=host, url_scheme="http", credentials=ANONYMOUS)
    with AnalyticsAdminServiceClient(transport=transport) as client:
        yield client


def report(*dimensions: str, limit: int = 0, offset: int = 0) -> RunReportRequest:
    return RunReportRequest(
        property=NAME,
        date_ranges=[DateRange(start_date="9daysAgo", end_date="today")],
        dimensions=[Dimension(name=name) for name in dimensions],
        metrics=[Metric(name="totalUsers"), Metric(name="eventCount")],
        limit=limit,
        offset=offset,
        return_property_quota=True,
    )


def test_a_report_has_headers_rows_metadata_and_quota(data: BetaAnalyticsDataClient) -> None:
    answer = data.run_report(report("date"))
    assert [header.name for header in answer.dimension_headers] == ["date"]
    assert [header.type_ for header in answer.metric_headers] == [MetricType.TYPE_INTEGER] * 2
    assert answer.row_count == 9
    assert answer.rows[0].dimension_values[0].value == "20260301"
    assert [one.value for one in answer.rows[0].metric_values] == ["2", "2"]
    assert (answer.metadata.currency_code, answer.metadata.time_zone) == ("EUR", "UTC")
    assert answer.property_quota.tokens_per_day.consumed >= 1
    assert answer.property_quota.tokens_per_day.remaining < 200_000


def test_pages_together_are_the_whole_report(data: BetaAnalyticsDataClient) -> None:
    pages = [data.run_report(report("date", limit=4, offset=offset)) for offset in (0, 4, 8, 12)]
    assert [len(page.rows) for page in pages] == [4, 4, 1, 0]
    assert {page.row_count for page in pages} == {9}
    assert len({row.dimension_values[0].value for page in pages for row in page.rows}) == 9


def test_a_batch_answers_every_report(data: BetaAnalyticsDataClient) -> None:
    batch = BatchRunReportsRequest(property=NAME, requests=[report("date"), report()])
    answers = data.batch_run_reports(batch).reports
    assert [one.row_count for one in answers] == [9, 1]
    assert [one.value for one in answers[1].rows[0].metric_values] == ["2", "18"]


def test_metadata_lists_fields_and_the_propertys_custom_ones(data: BetaAnalyticsDataClient) -> None:
    own = data.get_metadata(name=f"{NAME}/metadata")
    of_all = data.get_metadata(name="properties/0/metadata")
    assert "customEvent:plan" in {one.api_name for one in own.dimensions if one.custom_definition}
    assert "customEvent:plan" not in {one.api_name for one in of_all.dimensions}
    assert {one.api_name: one.type_ for one in of_all.metrics}["totalRevenue"] == MetricType.TYPE_CURRENCY


def test_compatibility_names_what_goes_with_the_request(data: BetaAnalyticsDataClient) -> None:
    answer = data.check_compatibility(
        CheckCompatibilityRequest(
            property=NAME,
            dimensions=[Dimension(name="itemName")],
            compatibility_filter=Compatibility.COMPATIBLE,
        )
    )
    names = {one.metric_metadata.api_name for one in answer.metric_compatibilities}
    assert "itemRevenue" in names
    assert "sessions" not in names


def test_an_unknown_field_is_an_invalid_argument(data: BetaAnalyticsDataClient) -> None:
    with pytest.raises(BadRequest, match=r"Did you mean country.*Field countri is not a valid dimension"):
        data.run_report(report("countri"))


def test_accounts_and_properties_are_listed(admin: AnalyticsAdminServiceClient) -> None:
    summaries = list(admin.list_account_summaries())
    assert [one.property for one in summaries[0].property_summaries] == [NAME]
    found = list(admin.list_properties(ListPropertiesRequest(filter=f"parent:{summaries[0].account}")))
    assert [one.display_name for one in found] == ["Test"]


def test_a_property_has_its_time_zone_and_currency(admin: AnalyticsAdminServiceClient) -> None:
    found = admin.get_property(name=NAME)
    assert (found.time_zone, found.currency_code, found.display_name) == ("UTC", "EUR", "Test")
