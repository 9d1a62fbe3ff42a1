"""The pages in a browser: filled in by keyboard, at two widths, in both colour schemes, with hostile values."""

import uuid
from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone
from playwright.sync_api import Page, ViewportSize, expect

from dataflows.contracts.events import DataFlowState
from dataflows.models import DataFlow, DataFlowIncident, Run, TimelineEntry
from dataflows.services import data_flow_change_state
from tests.browser.conftest import OpenPage
from tests.browser.plausible import registered_shop
from tests.reports.conftest import add_report_row

pytestmark = pytest.mark.xdist_group("browser")

PHONE: ViewportSize = {"width": 375, "height": 800}
DESK: ViewportSize = {"width": 1280, "height": 800}
REGISTER = "/data-flows/register/"
HOSTILE = (
    "<script>window.hacked = 1</script>",
    '"><img src=x onerror="window.hacked = 1">',
    "javascript:window.hacked=1",
    "\u202eevil\u202c\u2066x",
    "{{ 7|add:7 }}{% now 'Y' %}",
    "=HYPERLINK(1)&amp;<b>",
)


def test_log_in_and_out_by_keyboard(open_page: OpenPage, operator: User) -> None:
    page = open_page()
    page.goto("/data-flows/")
    expect(page.get_by_label("Username")).to_be_focused()
    page.keyboard.type("olga")
    page.keyboard.press("Tab")
    page.keyboard.type("wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("correct username and password")
    page.get_by_label("Password").fill("a long enough one")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Data flows")).to_be_visible()
    page.get_by_role("button", name="Log out").press("Enter")
    expect(page.get_by_role("heading", name="Log in")).to_be_visible()


@pytest.mark.parametrize("has_scripts", [True, False])
def test_register_a_property_by_keyboard(open_page: OpenPage, operator: User, has_scripts: bool) -> None:
    page = open_page(operator, java_script_enabled=has_scripts)
    page.goto(REGISTER)
    expect(page.get_by_label("Property id")).to_be_focused()
    for typed in ("123456789", "My shop", "Europe/Berlin", "eur"):
        page.keyboard.type(typed)
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("My shop is registered")
    expect(page.locator(".timeline")).to_contain_text("Queued")
    assert DataFlow.objects.get().currency_code == "EUR"


def test_error_is_told_beside_its_field_which_has_the_focus(open_page: OpenPage, operator: User) -> None:
    page = open_page(operator)
    page.goto(REGISTER)
    page.get_by_label("Property id").fill("123456789")
    page.get_by_label("Name", exact=True).first.fill("My shop")
    page.get_by_label("Time zone").fill("Berlin")
    page.get_by_label("Currency").fill("EUR")
    page.get_by_role("button", name="Register", exact=True).click()
    field = page.get_by_label("Time zone")
    expect(field).to_be_focused()
    expect(field).to_have_value("Berlin")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(field).to_have_accessible_description(
        "The property's own, as set in Google Analytics: it decides when a day begins. "
        "Choose a time zone from the list, such as Europe/Berlin."
    )
    beside = page.locator("#id_time_zone_error")
    distance = beside.bounding_box()["y"] - field.bounding_box()["y"]  # type: ignore[index]
    assert 0 < distance < 60
    page.get_by_role("alert").get_by_role("link", name="Time zone").click()
    expect(field).to_be_in_viewport()


def test_rows_are_added_and_registered(open_page: OpenPage, operator: User) -> None:
    page = open_page(operator)
    page.goto(REGISTER)
    page.get_by_label("Property id").fill("123456789")
    page.get_by_label("Name", exact=True).first.fill("My shop")
    page.get_by_label("Time zone").fill("UTC")
    page.get_by_label("Currency").fill("USD")
    page.get_by_text("Reports of your own").click()
    page.get_by_role("button", name="Add another").first.click()
    for number, (name, field) in enumerate((("by_city", "City"), ("by_language", "Language"))):
        page.locator(f"#id_custom-{number}-name").fill(name)
        row = page.locator("[data-formset=custom] [data-form]").nth(number)
        row.get_by_label(field, exact=True).check()
        row.get_by_label("Sessions", exact=True).check()
    page.get_by_role("button", name="Register", exact=True).click()
    expect(page.get_by_role("status")).to_be_visible()
    names = [asked["custom"]["name"] for asked in DataFlow.objects.get().reports if "custom" in asked]
    assert names == ["by_city", "by_language"]


@pytest.mark.parametrize("has_scripts", [True, False])
def test_edit_a_data_flow_by_keyboard(open_page: OpenPage, operator: User, has_scripts: bool) -> None:
    data_flow = registered_shop(operator)
    page = open_page(operator, java_script_enabled=has_scripts)
    page.goto(f"/data-flows/{data_flow.id}/")
    page.get_by_role("link", name="Edit", exact=True).first.press("Enter")
    expect(page.get_by_label("Property id")).to_be_disabled()
    expect(page.get_by_label("Name", exact=True).first).to_be_focused()
    page.keyboard.press("Control+a")
    page.keyboard.type("Renamed")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Saved as revision 2")
    expect(page.get_by_role("heading", name="Renamed")).to_be_visible()
    expect(page.locator(".timeline").first).to_contain_text("revision 2, active, asked for by olga")


def test_report_is_taken_out_and_another_added(open_page: OpenPage, operator: User) -> None:
    custom = {"name": "by_city", "dimensions": ["city", "customEvent:author"], "metrics": ["sessions"]}
    data_flow = registered_shop(operator, reports=[{"custom": custom}])
    page = open_page(operator)
    page.goto(f"/data-flows/{data_flow.id}/edit/")
    page.get_by_label("Take this report out").check()
    page.locator("#id_custom-1-name").fill("by_author")
    page.locator("#id_custom-1-custom_dimensions").fill("customEvent:author")
    page.locator("[data-form]").nth(1).get_by_label("Sessions", exact=True).check()
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved as revision 2")
    assert DataFlow.objects.get().reports == [
        {"custom": {"name": "by_author", "dimensions": ["customEvent:author"], "metrics": ["sessions"]}}
    ]


def test_change_that_came_too_late_is_told_first_and_nothing_typed_is_lost(open_page: OpenPage, operator: User) -> None:
    data_flow = registered_shop(operator)
    page = open_page(operator)
    page.goto(f"/data-flows/{data_flow.id}/edit/")
    page.get_by_label("Lookback days").fill("9")
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.PAUSED, user=operator)
    page.get_by_role("button", name="Save").click()
    told = page.get_by_role("alert")
    expect(told).to_be_in_viewport()
    expect(told).to_contain_text("revision 2, paused, asked for by olga")
    expect(page.get_by_label("Lookback days")).to_have_value("9")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved as revision 3")
    assert DataFlow.objects.get().desired_state == DataFlowState.PAUSED


def test_no_page_scrolls_sideways_and_none_complains(open_page: OpenPage, operator: User, shop: DataFlow) -> None:
    """In both widths and both colour schemes; the fixture fails the test when anything is told to the console."""
    _add_hostile_rows(shop)
    _add_incident(shop, message=" ".join(HOSTILE) + "x" * 200)
    for viewport, scheme in ((DESK, "light"), (PHONE, "dark")):
        page = open_page(operator, viewport=viewport, color_scheme=scheme)
        for path in _all_pages(shop):
            page.goto(path)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (path, viewport)
            _check_tap_targets(page, path)


@pytest.mark.parametrize("has_scripts", [True, False])
def test_incident_is_read_again_by_keyboard(
    open_page: OpenPage, operator: User, shop: DataFlow, has_scripts: bool
) -> None:
    _add_incident(shop)
    page = open_page(operator, viewport=PHONE, color_scheme="dark", java_script_enabled=has_scripts)
    page.goto(f"/data-flows/{shop.id}/")
    incident = page.get_by_role("region", name="Incident of Events")
    expect(incident).to_contain_text("Renew the login.")
    incident.get_by_role("button", name="Retry").press("Enter")
    expect(page.get_by_role("status")).to_contain_text("Asked for.")
    expect(incident).to_contain_text("being read again")
    expect(incident.get_by_role("button", name="Retry")).to_have_count(0)


def test_overview_shows_the_chart_that_fits(open_page: OpenPage, operator: User, shop: DataFlow) -> None:
    page = open_page(operator, viewport=DESK)
    page.goto(f"/properties/{shop.property_id}/")
    expect(page.locator(".chart-wide")).to_be_visible()
    expect(page.locator(".chart-narrow")).to_be_hidden()
    page.set_viewport_size(PHONE)
    expect(page.locator(".chart-narrow")).to_be_visible()
    assert page.locator(".chart-narrow text").first.evaluate("text => text.getBoundingClientRect().height") > 10
    assert _ground_of(page, "light") != _ground_of(page, "dark")


def test_report_is_sorted_searched_and_paged_without_losing_the_range(
    open_page: OpenPage, operator: User, shop: DataFlow
) -> None:
    page = open_page(operator)
    page.goto(f"/properties/{shop.property_id}/traffic_acquisition/?range=7d")
    page.get_by_role("link", name="Session source").click()
    expect(page.locator("tbody th").first).to_have_text("Direct")
    expect(page.locator("thead [aria-sort]")).to_have_text("Session source")
    page.get_by_label("contains").fill("Search")
    page.keyboard.press("Enter")
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator(".presets [aria-current]")).to_have_text("7 days")
    expect(page.locator("thead [aria-sort]")).to_have_text("Session source")


def test_hostile_values_are_text_and_nothing_runs(open_page: OpenPage, operator: User, shop: DataFlow) -> None:
    _add_hostile_rows(shop)
    page = open_page(operator)
    page.goto(f"/properties/{shop.property_id}/events/")
    shown = page.locator("tbody th").all_inner_texts()
    assert {value for value in HOSTILE if "\u202e" not in value} <= set(shown)
    assert any("evil" in text for text in shown)
    assert not any(letter in page.content() for letter in "\u202e\u202c\u2066")
    page.goto(f"/properties/{shop.property_id}/events/?search={'%22%3E%3Cimg src=x onerror=alert(1)%3E'}&order=x")
    page.goto(f"/data-flows/{shop.id}/")
    expect(page.locator(".timeline").first).to_contain_text(HOSTILE[0])
    assert page.evaluate("window.hacked") is None


def test_admin_grants_a_property(open_page: OpenPage, operator: User) -> None:
    registered_shop(operator)
    page = open_page(User.objects.create_superuser("root"))
    for path in ("", "dataflows/dataflow/", "dataflows/outboxevent/", "auth/user/", "auth/group/1/change/"):
        page.goto(f"/admin/{path}")
    page.goto("/admin/dataflows/propertygrant/add/")
    for name, typed in (("user", "olga"), ("data_flow", "Alpenblick")):
        page.locator(f".field-{name} .select2-selection").click()
        page.keyboard.type(typed)
        page.locator(".select2-results__option--highlighted", has_text=typed).click()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page.get_by_text("was added successfully")).to_be_visible()


def test_page_under_way_shows_what_happened_meanwhile_and_keeps_what_is_typed(
    open_page: OpenPage, operator: User
) -> None:
    data_flow = registered_shop(operator, status=DataFlow.Status.RECEIVED)
    page = open_page(operator)
    page.goto(f"/data-flows/{data_flow.id}/")
    page.get_by_label("Property id").fill("half typ")
    DataFlow.objects.update(status=DataFlow.Status.FAILED, status_message="The property is gone.")
    expect(page.locator("#state")).to_contain_text("The property is gone.")
    expect(page.get_by_label("Property id")).to_have_value("half typ")
    expect(page.locator("[data-moving]")).to_have_count(0)


def _add_incident(shop: DataFlow, message: str = "The login was revoked.") -> None:
    now = timezone.now()
    DataFlowIncident.objects.create(
        incident_id=uuid.uuid4(),
        data_flow=shop,
        correlation_id=uuid.uuid4(),
        report="events",
        kind="run_failed",
        cause="authentication",
        state="open",
        run_id="a" * 32,
        start_date=now.date() - timedelta(5),
        end_date=now.date() - timedelta(2),
        since=now,
        message=message,
        remedy="Renew the login.",
        attempts=3,
        changed_at=now,
    )


def _all_pages(shop: DataFlow) -> list[str]:
    reports = [f"/properties/{shop.property_id}/{slug}/" for slug in ("daily_totals", "traffic_acquisition", "events")]
    return [
        "/accounts/login/",
        "/data-flows/",
        REGISTER,
        f"/data-flows/{shop.id}/",
        f"/data-flows/{shop.id}/edit/",
        f"/properties/{shop.property_id}/",
        f"/properties/{shop.property_id}/?range=90d",
        *reports,
    ]


def _add_hostile_rows(shop: DataFlow) -> None:
    yesterday = timezone.now().date() - timedelta(1)
    for number, value in enumerate(HOSTILE, start=1):
        add_report_row("events", yesterday, (value,), shop.property_id, event_count=number)
    TimelineEntry.objects.update(message=HOSTILE[0])
    Run.objects.update(message=HOSTILE[1] * 20)


def _check_tap_targets(page: Page, path: str) -> None:
    """What is pressed with a finger is at least 24 CSS pixels high (WCAG 2.2, 2.5.8), buttons 40."""
    for selector, least in (("button, .button, .presets a, .tabs a, nav a", 40), (".switcher a", 24)):
        heights = page.locator(selector).evaluate_all(
            "found => found.filter(one => one.checkVisibility()).map(one => one.getBoundingClientRect().height)"
        )
        assert all(height >= least - 2 for height in heights), (path, selector, heights)


def _ground_of(page: Page, scheme: str) -> str:
    page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]  # a literal of Playwright's own
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))
