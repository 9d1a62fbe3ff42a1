"""The pages of the registry: what they show, what their buttons do, and what they refuse."""

import re
import uuid
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dataflows.models import DataFlow, OutboxEvent, PropertyGrant, Run, TimelineEntry
from reports.models import Partition
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.pages import errors_beside

LIST = "/data-flows/"


@pytest.fixture
def data_flow(operator: User) -> DataFlow:
    return add_data_flow(operator, "123456789", status="active")


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def add_data_flow(operator: User, property_id: str, **changes: object) -> DataFlow:
    data_flow = unsaved_data_flow(property_id=property_id, created_by=operator, **changes)
    data_flow.save(force_insert=True)
    return data_flow


def add_partition(property_id: str, report_id: str, day: date) -> None:
    Partition.objects.create(
        property_id=property_id,
        report_id=report_id,
        date=day,
        generation=1,
        row_count=1,
        run_id="a" * 32,
        loaded_at=timezone.now(),
    )


def add_run(data_flow: DataFlow, **changes: object) -> None:
    fields = {"run_id": uuid.uuid4().hex, "correlation_id": uuid.uuid4(), "report": "daily_totals"}
    day = date(2026, 11, 1)
    times = {"start_date": day, "end_date": day, "changed_at": timezone.now()}
    Run.objects.create(**{**fields, **times, "data_flow": data_flow, "status": "unloaded", **changes})


def at(data_flow: DataFlow, action: str = "") -> str:
    return f"{LIST}{data_flow.id}/{action}"


def text_of(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


def test_list_shows_each_property_with_its_state_and_freshness(page: Client, operator: User) -> None:
    reports = [{"slug": "daily_totals"}, {"slug": "events"}, {"slug": "pages"}]
    add_data_flow(operator, "1", display_name="Fresh", reports=reports, status="active")
    add_data_flow(operator, "2", display_name="New", status="flows_created")
    add_partition("1", "daily_totals", date(2026, 11, 21))
    add_partition("1", "events", date(2026, 11, 19))
    text = text_of(page.get(LIST).content.decode())
    assert "Fresh 1 Active 19 Nov 2026 2 of 3 reports none yet" in text
    assert "New 2 Flows created nothing yet none yet" in text


def test_list_needs_as_many_queries_for_many_rows_as_for_one(
    page: Client, operator: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    # session, user, permissions of user and of groups, count and rows of the page, failures, incidents, freshness
    queries = 8
    for number in range(1, 13):
        owner = User.objects.create_user(f"owner-{number}")
        data_flow = add_data_flow(owner, str(number), display_name=f"Shop {number}", status="active")
        add_partition(str(number), "daily_totals", date(2026, 11, number))
        add_run(data_flow, status="failed")
        if number in (1, 12):
            with django_assert_num_queries(queries + 1):
                page.get(LIST)


THREE_REPORTS = [{"slug": "daily_totals"}, {"slug": "events"}, {"slug": "pages"}]
HOUR = timedelta(hours=1)


def add_course_of_runs(data_flow: DataFlow) -> None:
    """Let the newest run of Events fail, the one before of Daily totals, and one of a report that is not there."""
    now = timezone.now()
    for report, status, at in (
        ("daily_totals", "failed", now - 2 * HOUR),
        ("daily_totals", "started", now),
        ("events", "unloaded", now - HOUR),
        ("events", "failed", now),
        ("pages", "unloaded", now),
        ("gone", "failed", now),
    ):
        add_run(data_flow, report=report, status=status, changed_at=at, message=f"{report} <b>was refused</b>")


def test_newest_run_that_failed_is_told_plainly(page: Client, operator: User) -> None:
    data_flow = add_data_flow(operator, "1", reports=THREE_REPORTS, status="active")
    add_course_of_runs(data_flow)
    assert "Active 1 of 3 reports failed" in text_of(page.get(LIST).content.decode())
    answer = page.get(at(data_flow)).content.decode()
    state = text_of(answer[answer.index('id="state"') : answer.index("Timeline")])
    assert "The newest run failed of 1 of 3 reports: Events , 1 Nov 2026 – 1 Nov 2026: events &lt;b&gt;was" in state
    assert "When the cause is mended, press Edit and Save" in state
    assert "daily_totals" not in state
    assert "gone" not in state


def test_failure_is_no_longer_told_once_a_newer_run_goes_well(page: Client, operator: User) -> None:
    data_flow = add_data_flow(operator, "1", reports=THREE_REPORTS, status="active")
    add_course_of_runs(data_flow)
    add_run(data_flow, report="events", status="succeeded", changed_at=timezone.now() + HOUR)
    for address in (LIST, at(data_flow)):
        assert "of 3 reports" not in text_of(page.get(address).content.decode())


@pytest.mark.parametrize("status", ["paused", "removed", "failed", "queued"])
def test_failed_runs_are_told_of_active_data_flows_only(page: Client, operator: User, status: str) -> None:
    """The state of any other says itself that it needs somebody."""
    data_flow = add_data_flow(operator, "1", reports=THREE_REPORTS, status=status)
    add_course_of_runs(data_flow)
    for address in (LIST, at(data_flow)):
        assert "of 3 reports" not in text_of(page.get(address).content.decode())


def test_analyst_is_told_of_failures_but_not_what_to_press(client: Client, operator: User) -> None:
    data_flow = add_data_flow(operator, "1", reports=THREE_REPORTS, status="active")
    add_course_of_runs(data_flow)
    analyst = User.objects.create_user("analyst")
    PropertyGrant.objects.create(user=analyst, data_flow=data_flow)
    client.force_login(analyst)
    shown = client.get(at(data_flow)).content.decode()
    assert "The newest run failed of 1 of 3 reports" in text_of(shown)
    assert "/edit/" not in shown


def test_list_is_searched_and_filtered(page: Client, operator: User) -> None:
    add_data_flow(operator, "1234", display_name="Berlin", status="active")
    add_data_flow(operator, "5678", display_name="Wien", status="failed")

    def found(query: str) -> set[str]:
        text = page.get(LIST + query).content.decode()
        return {name for name in ("Berlin", "Wien") if f"<bdi>{name}</bdi>" in text}

    assert found("") == {"Berlin", "Wien"}
    assert found("?search=ien") == found("?search=567") == found("?status=failed") == {"Wien"}
    assert found("?search=ien&status=active") == set()
    assert found("?status=nothing&page=x") == {"Berlin", "Wien"}


def test_list_is_paginated(page: Client, operator: User) -> None:
    for number in range(1, 52):
        add_data_flow(operator, str(number), display_name=f"Shop {number:02}")
    assert "Page 1 of 2" in page.get(LIST).content.decode()
    assert "Shop 51" in page.get(f"{LIST}?page=2").content.decode()


def test_analyst_sees_granted_properties_without_actions(client: Client, operator: User, data_flow: DataFlow) -> None:
    add_data_flow(operator, "42", display_name="Foreign")
    analyst = User.objects.create_user("analyst")
    PropertyGrant.objects.create(user=analyst, data_flow=data_flow)
    client.force_login(analyst)
    listed = client.get(LIST).content.decode()
    assert "Shop" in listed
    assert "Foreign" not in listed
    assert "Register a property" not in listed
    shown = client.get(at(data_flow)).content.decode()
    assert "Deregister" not in shown
    assert 'method="post" action="/data-flows' not in shown


def test_analyst_is_told_whom_to_ask_on_the_register_page(client: Client, db: None) -> None:
    analyst = User.objects.create_user("analyst")
    analyst.groups.add(Group.objects.get(name="analyst"))
    client.force_login(analyst)
    response = client.get("/data-flows/register/")
    assert response.status_code == 403
    assert "Ask an administrator to add you to the group operator" in response.content.decode()


def test_timeline_reads_as_words_with_labels_and_separators(page: Client, data_flow: DataFlow) -> None:
    request = uuid.uuid4()
    for status, changes in (
        ("flows_created", {}),
        ("unloaded", {"station": "unload", "report": "daily_totals", "rows": 1234567}),
        ("started", {"station": "ingest", "report": "gone_report", "message": "<i>x</i>"}),
    ):
        fields = {"station": "register", "correlation_id": request, "occurred_at": timezone.now()}
        TimelineEntry.objects.create(data_flow=data_flow, status=status, **{**fields, **changes})
    answer = page.get(at(data_flow)).content.decode()
    text = text_of(answer)
    assert "Flows created" in text
    assert "Unloaded Daily totals 1,234,567 rows" in text
    assert "Started gone_report" in text
    assert "<i>x</i>" not in answer


def test_only_the_latest_requests_are_on_the_timeline(page: Client, data_flow: DataFlow) -> None:
    requests = [uuid.uuid4() for _ in range(12)]
    for request in requests:
        for status in ("queued", "published"):
            TimelineEntry.objects.create(
                data_flow=data_flow,
                correlation_id=request,
                station="submit",
                status=status,
                occurred_at=timezone.now(),
            )
    answer = page.get(at(data_flow)).content.decode()
    shown = re.findall(r"<code>([0-9a-f-]{36})</code>", answer)
    assert shown == [str(request) for request in reversed(requests[2:])]


def test_the_latest_request_stays_on_the_timeline_when_many_days_follow(page: Client, data_flow: DataFlow) -> None:
    request, *days = (uuid.uuid4() for _ in range(13))
    for correlation_id, station in ((request, "submit"), *((day, "ingest") for day in days)):
        TimelineEntry.objects.create(
            data_flow=data_flow,
            correlation_id=correlation_id,
            station=station,
            status="queued",
            occurred_at=timezone.now(),
        )
    answer = page.get(at(data_flow)).content.decode()
    shown = re.findall(r"<code>([0-9a-f-]{36})</code>", answer)
    assert shown == [*(str(day) for day in reversed(days[2:])), str(request)]


def test_what_is_made_in_the_warehouse_is_shown_to_operators_only(
    client: Client, page: Client, data_flow: DataFlow
) -> None:
    assert "CREATE TABLE" in page.get(at(data_flow)).content.decode()
    analyst = User.objects.create_user("analyst")
    PropertyGrant.objects.create(user=analyst, data_flow=data_flow)
    client.force_login(analyst)
    answer = client.get(at(data_flow))
    assert answer.status_code == 200
    assert "CREATE TABLE" not in answer.content.decode()


def test_runs_are_counted_on_the_page(page: Client, data_flow: DataFlow) -> None:
    add_run(data_flow, rows=9_876, rows_rejected=1_000, message="2 fields were missing")
    text = text_of(page.get(at(data_flow)).content.decode())
    assert "Daily totals 1 Nov 2026 – 1 Nov 2026 Unloaded 9,876 1,000 2 fields were missing" in text


def test_page_keeps_itself_up_to_date_only_while_something_is_under_way(page: Client, data_flow: DataFlow) -> None:
    def keeps_up() -> bool:
        return "keep-up.js" in page.get(at(data_flow)).content.decode()

    assert not keeps_up()
    add_run(data_flow, status="started")
    assert keeps_up()
    Run.objects.update(changed_at=timezone.now() - timedelta(hours=3))
    assert not keeps_up()
    entry = {"station": "unload", "status": "unloaded", "correlation_id": uuid.uuid4(), "occurred_at": timezone.now()}
    TimelineEntry.objects.create(data_flow=data_flow, **entry)  # what is unloaded is about to be loaded
    assert keeps_up()
    TimelineEntry.objects.update(recorded_at=timezone.now() - timedelta(minutes=4))
    assert not keeps_up()
    DataFlow.objects.update(status_changed_at=timezone.now())  # just active: its first runs are about to start
    assert keeps_up()
    DataFlow.objects.update(status="paused")
    assert not keeps_up()
    DataFlow.objects.update(status="received")
    assert keeps_up()


def test_definition_names_the_filters(page: Client, operator: User) -> None:
    asked = {"dimension": "eventName", "operator": "not_equal_to", "values": ["a", "<b>"]}
    data_flow = add_data_flow(operator, "7", reports=[{"slug": "events"}], filters=[asked])
    answer = page.get(at(data_flow)).content.decode()
    assert "Event name is none of a, &lt;b&gt;" in answer


def test_pause_and_resume_ask_for_the_new_state(page: Client, data_flow: DataFlow) -> None:
    for state in ("paused", "active"):
        page.post(at(data_flow, "state/"), {"state": state})
        data_flow.refresh_from_db()
        assert (data_flow.desired_state, data_flow.status) == (state, "queued")
    assert OutboxEvent.objects.count() == 2


@pytest.mark.parametrize("state", ["removed", "failed", "", "x" * 5_000])
def test_state_that_cannot_be_asked_for_is_not_understood(page: Client, data_flow: DataFlow, state: str) -> None:
    response = page.post(at(data_flow, "state/"), {"state": state})
    assert response.status_code == 400
    assert "load the page again" in response.content.decode()
    assert not OutboxEvent.objects.exists()


def test_deregister_wants_the_property_id(page: Client, data_flow: DataFlow) -> None:
    for typed, words in (("", "Type the property's id"), ("12345678", "Type 123456789")):
        response = page.post(at(data_flow, "deregister/"), {"property_id": typed})
        assert response.status_code == 422
        assert words in errors_beside(response.content.decode(), "property_id")
    assert page.post(at(data_flow, "deregister/"), {"property_id": "123456789"}).status_code == 302
    data_flow.refresh_from_db()
    assert data_flow.desired_state == "removed"


@pytest.mark.parametrize(("desired_state", "status"), [("paused", "paused"), ("active", "failed")])
def test_what_is_not_active_is_not_back_filled(page: Client, operator: User, desired_state: str, status: str) -> None:
    data_flow = add_data_flow(operator, "8", desired_state=desired_state, status=status)
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    refused = page.post(at(data_flow, "backfill/"), days, follow=True).content.decode()
    assert f"It is {status}: nothing can be fetched" in refused
    assert not OutboxEvent.objects.exists()


@pytest.mark.parametrize("action", ["backfill/", "deregister/"])
def test_refused_form_opens_at_its_field_and_its_page_can_be_loaded_anew(
    page: Client, data_flow: DataFlow, action: str
) -> None:
    refused = page.post(at(data_flow, action), {}).content.decode()
    assert re.search(r"<input[^>]* autofocus", refused)
    assert page.get(at(data_flow, action), follow=True).status_code == 200


def test_deregistered_property_can_be_resumed_but_not_back_filled(page: Client, operator: User) -> None:
    data_flow = add_data_flow(operator, "8", desired_state="removed", status="removed")
    days = {"start_date": "2026-01-01", "end_date": "2026-01-02"}
    refused = page.post(at(data_flow, "backfill/"), days, follow=True).content.decode()
    assert "Resume it, or edit it" in refused
    assert not OutboxEvent.objects.exists()
    assert ">Resume</button>" in refused
    page.post(at(data_flow, "state/"), {"state": "active"})
    data_flow.refresh_from_db()
    assert data_flow.desired_state == "active"


def test_back_fill_asks_for_one_run_of_the_range(page: Client, data_flow: DataFlow) -> None:
    page.post(at(data_flow, "backfill/"), {"start_date": "2026-01-01", "end_date": "2026-01-31"})
    event = OutboxEvent.objects.get()
    assert event.detail_type == "RunDataFlow"
    assert '"start_date":"2026-01-01","end_date":"2026-01-31"' in event.detail


@pytest.mark.parametrize(
    ("start_date", "end_date", "field", "words"),
    [
        ("", "2026-01-01", "start_date", "Choose a day"),
        ("2026-01-02", "2026-01-01", "end_date", "Choose the first day or a later one"),
        ("2026-01-01", "2999-01-01", "end_date", "Choose a day before today"),
        ("2010-01-01", "2026-01-01", "start_date", "Choose 2015-08-14 or later"),
        ("2026-02-30", "2026-03-01", "start_date", "Choose a day"),
    ],
)
def test_back_fill_that_cannot_be_is_refused(
    page: Client, data_flow: DataFlow, start_date: str, end_date: str, field: str, words: str
) -> None:
    response = page.post(at(data_flow, "backfill/"), {"start_date": start_date, "end_date": end_date})
    assert response.status_code == 422
    assert words in errors_beside(response.content.decode(), field)
    assert not OutboxEvent.objects.exists()


def test_send_again_makes_what_was_given_up_due(page: Client, data_flow: DataFlow) -> None:
    page.post(at(data_flow, "state/"), {"state": "paused"})
    OutboxEvent.objects.update(state="given_up", attempts=12)
    DataFlow.objects.update(status="undelivered", status_message="EventBridge did not take the event.")
    assert ">Send again</button>" in page.get(at(data_flow)).content.decode()
    page.post(at(data_flow, "send-again/"))
    assert OutboxEvent.objects.get().state == "queued"
    again = page.post(at(data_flow, "send-again/"), follow=True).content.decode()
    assert "There is nothing to send again" in again


def test_hostile_names_are_shown_as_text(page: Client, operator: User) -> None:
    name = '"><img src=x onerror=alert(1)><script>alert(1)</script>\u202egnp.exe'
    data_flow = add_data_flow(operator, "9", display_name=name, status_message=name)
    for path in (LIST, at(data_flow), "/properties/9/"):
        answer = page.get(path).content.decode()
        assert "<img" not in answer.replace('<img src="/static/icon.svg"', "")
        assert "<script>" not in answer
        assert "&lt;script&gt;" in answer
