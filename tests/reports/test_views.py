"""The report pages: who may see them, and that they show what was loaded."""

import re
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from dataflows.contracts.events import today_in
from dataflows.models import DataFlow
from tests.reports.conftest import AddRow

PAGE = "/properties/123456789/"


def recent(days_ago: int) -> date:
    return timezone.now().date() - timedelta(days_ago)


def test_overview_shows_the_figures_of_the_range(client: Client, analyst: User, add_row: AddRow) -> None:
    for days_ago in (3, 4):
        add_row("daily_totals", recent(days_ago), sessions=1_200, engaged_sessions=300, active_users=7)
    client.force_login(analyst)
    page = client.get(PAGE).content.decode()
    for text in ("2,400", "25.0 %", "Sum of daily active users", "EUR", "provisional from"):
        assert text in page


def test_overview_without_data_leads_to_the_timeline(client: Client, analyst: User, data_flow: DataFlow) -> None:
    client.force_login(analyst)
    assert f"/data-flows/{data_flow.id}/" in client.get(PAGE).content.decode()


@pytest.mark.parametrize(
    "query",
    [
        "?range=9y",
        "?start=2026-13-01&end=x",
        "?start=2026-11-02&end=2026-11-01",
        "?start=0001-01-01&end=0001-01-02",
    ],
)
def test_bad_dates_are_explained(client: Client, analyst: User, query: str) -> None:
    client.force_login(analyst)
    response = client.get(PAGE + query)
    assert response.status_code == 200
    assert "Shown is the usual range" in response.content.decode()


@pytest.mark.parametrize("slug", ["traffic_acquisition", "pages", "events", "devices", "custom_by_system"])
def test_report_page_shows_its_rows(client: Client, analyst: User, add_row: AddRow, slug: str) -> None:
    is_custom = slug.startswith("custom")
    values = {"m1": 4_321} if is_custom else {"sessions": 4_321, "event_count": 4_321}
    add_row(
        "custom" if is_custom else slug, recent(3), ("<b>x</b>",) * (1 if is_custom else 5), report_id=slug, **values
    )
    client.force_login(analyst)
    page = client.get(f"{PAGE}{slug}/?search=%3Cb%3E&order=-sessions").content.decode()
    assert "&lt;b&gt;x&lt;/b&gt;" in page
    assert "<b>x</b>" not in page
    assert "4,321" in page


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}daily_totals/"])
def test_value_that_was_left_empty_is_a_dash_in_its_day(
    client: Client, analyst: User, add_row: AddRow, path: str
) -> None:
    add_row("daily_totals", recent(3), sessions=1_234, total_revenue=None)
    add_row("daily_totals", recent(4), sessions=5, total_revenue=7)
    client.force_login(analyst)
    page = client.get(path).content.decode()
    row = page[page.rindex("1,234") :]
    assert "7.00" in page
    assert "–" in row[: row.index("</tr>")]


def test_change_is_shown_however_large(client: Client, analyst: User, add_row: AddRow) -> None:
    add_row("daily_totals", recent(3), sessions=1, total_revenue=Decimal(10**19))
    add_row("daily_totals", recent(10), sessions=1, total_revenue=Decimal("0.0000000010"))
    client.force_login(analyst)
    response = client.get(f"{PAGE}?range=7d")
    assert response.status_code == 200
    assert "more than +999,999 %" in response.content.decode()


def test_report_without_dimensions_has_a_row_for_each_day(client: Client, analyst: User, add_row: AddRow) -> None:
    for days_ago in (3, 4):
        add_row("daily_totals", recent(days_ago), sessions=days_ago, active_users=days_ago * 1_000)
    client.force_login(analyst)
    page = client.get(f"{PAGE}daily_totals/").content.decode()
    assert page.index(recent(3).isoformat()) < page.index(recent(4).isoformat())
    assert "3,000" in page  # users of one day are answered as they are
    assert "Sum of daily" not in page


def test_page_after_the_last_is_the_last(client: Client, analyst: User, add_row: AddRow) -> None:
    for number in range(51):
        add_row("events", recent(3), (f"event-{number:02}",), event_count=1_000 + number)
    client.force_login(analyst)
    for asked in ("2", "99"):
        page = client.get(f"{PAGE}events/?page={asked}").content.decode()
        assert "Page 2 of 2" in page
        assert "event-00" in page


def test_search_without_a_hit_says_so(client: Client, analyst: User, add_row: AddRow) -> None:
    add_row("events", recent(3), ("purchase",), event_count=1)
    client.force_login(analyst)
    assert "No row contains" in client.get(f"{PAGE}events/?search=Purchase").content.decode()


def test_days_are_compared_only_with_as_many_days(client: Client, analyst: User, add_row: AddRow) -> None:
    add_row("daily_totals", recent(3), sessions=150)
    client.force_login(analyst)
    assert "without comparison" in client.get(f"{PAGE}?range=7d").content.decode()
    add_row("daily_totals", recent(10), sessions=200)
    page = client.get(f"{PAGE}?range=7d").content.decode()
    assert "compared with" in page
    assert "−25.0 %" in page
    assert "from 200" in page


def test_written_dates_that_are_a_preset_are_shown_as_it(client: Client, analyst: User, data_flow: DataFlow) -> None:
    client.force_login(analyst)
    yesterday = today_in(data_flow.time_zone, timezone.now()) - timedelta(1)
    page = client.get(f"{PAGE}?start={yesterday - timedelta(6)}&end={yesterday}").content.decode()
    [chosen] = re.findall(r'<a href="[^"]*"\s+aria-current="true">([^<]*)</a>', page[page.index('class="presets"') :])
    assert chosen == "7 days"


def test_unknown_report_is_not_found(client: Client, analyst: User) -> None:
    client.force_login(analyst)
    assert client.get(f"{PAGE}nothing/").status_code == 404


def test_property_of_others_is_not_found(client: Client, stranger: User, data_flow: DataFlow) -> None:
    client.force_login(stranger)
    for path in (PAGE, f"{PAGE}pages/", f"/data-flows/{data_flow.id}/", "/properties/42/"):
        assert client.get(path).status_code == 404


def test_visitor_is_asked_to_log_in(client: Client, data_flow: DataFlow) -> None:
    for path in ("/", PAGE, f"{PAGE}pages/", "/data-flows/", f"/data-flows/{data_flow.id}/", "/data-flows/register/"):
        response = client.get(path)
        assert (response.status_code, response["Location"].partition("?")[0]) == (302, "/accounts/login/")


def test_health_needs_no_login(client: Client, db: None) -> None:
    assert client.get("/health/").json() == {"status": "ok"}


def test_page_that_takes_too_long_says_so(
    client: Client, analyst: User, short_statements: None, locked_pages: None
) -> None:
    client.force_login(analyst)
    response = client.get(f"{PAGE}pages/")
    assert response.status_code == 503
    assert "ask for fewer days" in response.content.decode()


@pytest.mark.parametrize("path", [PAGE, "/data-flows/", "/accounts/login/", "/api/v1/meta", "/nowhere/"])
def test_nothing_made_for_a_user_is_kept_by_browsers(client: Client, analyst: User, path: str) -> None:
    client.force_login(analyst)
    assert "no-store" in client.get(path)["Cache-Control"]


@pytest.mark.parametrize("number", ["0", "00000", "-1", "x", "99999"])
def test_page_that_is_not_there_is_the_nearest(client: Client, analyst: User, add_row: AddRow, number: str) -> None:
    add_row("events", recent(3), ("purchase",))
    client.force_login(analyst)
    response = client.get(f"{PAGE}events/?page={number}")
    assert response.status_code == 200
    assert "purchase" in response.content.decode()


def test_usual_range_ends_at_the_day_before_until_the_nights_run_is_loaded(
    client: Client, analyst: User, add_row: AddRow, data_flow: DataFlow
) -> None:
    yesterday = today_in(data_flow.time_zone, timezone.now()) - timedelta(1)
    for days_ago in range(1, 15):
        add_row("daily_totals", yesterday - timedelta(days_ago), sessions=100)
    client.force_login(analyst)
    page = client.get(f"{PAGE}?range=7d").content.decode()
    assert "700" in page
    assert "+0.0 %" in page or "0.0 %" in page


def test_ranges_of_which_not_equally_many_days_are_loaded_are_not_compared(
    client: Client, analyst: User, add_row: AddRow
) -> None:
    for days_ago in (3, 5, 6, 7):
        add_row("daily_totals", recent(days_ago), sessions=100)
    client.force_login(analyst)
    page = client.get(f"{PAGE}?start={recent(4)}&end={recent(3)}").content.decode()
    assert "−50.0 %" not in page
