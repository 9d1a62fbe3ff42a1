"""Incidents: written down as they are told, shown where they matter, and read again at the press of a button."""

import json
import uuid
from datetime import timedelta
from itertools import permutations
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone
from pytest_django.fixtures import Settings

from dataflows.answers import answer_parse, answer_record
from dataflows.models import DataFlow, DataFlowIncident, OutboxEvent, PropertyGrant
from tests.aws import ACCOUNT_2
from tests.dataflows.test_views import add_data_flow, add_run, at, text_of

pytestmark = pytest.mark.django_db

INCIDENT = uuid.uuid4()


@pytest.fixture
def data_flow(operator: User, settings: Settings) -> DataFlow:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    return add_data_flow(operator, "123456789", status="active", display_name="Shop")


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def told(data_flow: DataFlow, state: str, minute: int, **changes: Any) -> bool:
    detail = {
        "event_id": str(uuid.uuid5(INCIDENT, f"{state} {changes.get('attempts', 3)}")),
        "correlation_id": str(uuid.uuid4()),
        "data_flow_id": str(data_flow.id),
        "property_id": data_flow.property_id,
        "display_name": data_flow.display_name,
        "report": "daily_totals",
        "incident_id": str(INCIDENT),
        "kind": "run_failed",
        "cause": "authentication",
        "state": state,
        "run_id": "a" * 32,
        "start_date": "2026-03-07",
        "end_date": "2026-03-10",
        "since": "2026-03-11T04:00:00+00:00",
        "message": "invalid_grant: <b>revoked</b>",
        "remedy": "Renew the login.",
        "attempts": 3,
        "occurred_at": f"2026-03-11T04:{minute:02d}:00+00:00",
        **changes,
    }
    envelope = {
        "account": ACCOUNT_2,
        "source": "myapp.warehouse",
        "detail-type": "DataFlowIncidentChanged",
        "detail": detail,
    }
    return answer_record(answer_parse(json.dumps(envelope)))


def press_retry(page: Client, data_flow: DataFlow) -> str:
    address = at(data_flow, f"incidents/{INCIDENT}/retry/")
    return text_of(page.post(address, follow=True).content.decode())


def requests_sent() -> list[dict[str, Any]]:
    sent = OutboxEvent.objects.filter(detail_type="RunDataFlow").order_by("created_at")
    return [json.loads(event.detail) for event in sent]


def test_incident_is_one_row_however_its_news_arrive(data_flow: DataFlow) -> None:
    for order in permutations([("open", 1), ("retrying", 2), ("resolved", 3)]):
        DataFlowIncident.objects.all().delete()
        for state, minute in order:
            told(data_flow, state, minute)
            told(data_flow, state, minute)
        assert DataFlowIncident.objects.get().state == "resolved"


def test_same_news_with_more_days_is_shown_and_not_told_twice(data_flow: DataFlow) -> None:
    assert told(data_flow, "open", 1)
    assert not told(data_flow, "open", 2, end_date="2026-03-11")

    assert str(DataFlowIncident.objects.get().end_date) == "2026-03-11"
    assert data_flow.timeline.filter(status="incident_open").count() == 1


def test_open_incident_says_what_failed_since_when_and_what_to_do(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)

    text = text_of(page.get(at(data_flow)).content.decode())

    assert "Daily totals: run failed , days 7 Mar 2026 – 10 Mar 2026, since 11 Mar 2026 04:00 UTC" in text
    assert "invalid_grant: &lt;b&gt;revoked&lt;/b&gt; What to do: Renew the login. Tried again 3 times Retry" in text


def test_counts_that_differ_have_no_cause_to_be_mended_before_retry(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1, kind="counts_differ", cause="unknown", remedy="Press Retry.", attempts=0)

    text = text_of(page.get(at(data_flow)).content.decode())

    assert "What to do: Press Retry. Not tried again yet Retry reads these days again" in text


def test_list_marks_a_data_flow_with_incidents(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)
    assert "Active 1 incident" in text_of(page.get("/data-flows/").content.decode())

    told(data_flow, "resolved", 2)
    assert "incident" not in text_of(page.get("/data-flows/").content.decode())


def test_failed_run_of_an_incident_is_not_told_a_second_time(page: Client, data_flow: DataFlow) -> None:
    add_run(data_flow, status="failed", message="Token has been revoked.")
    assert "The newest run failed of" in page.get(at(data_flow)).content.decode()

    told(data_flow, "open", 1)

    assert "The newest run failed of" not in page.get(at(data_flow)).content.decode()


def test_resolved_incident_is_in_the_timeline_only(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)
    told(data_flow, "retrying", 2, requested_by="olivia")
    told(data_flow, "resolved", 3, requested_by="olivia")

    text = text_of(page.get(at(data_flow)).content.decode())

    assert "What to do" not in text
    assert "Recovered" in text
    assert "asked for by olivia" in text


def test_retry_asks_for_the_reports_days_once(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)

    assert "Asked for." in press_retry(page, data_flow)
    assert "It is being read again already." in press_retry(page, data_flow)

    (sent,) = requests_sent()
    assert (sent["reports"], sent["start_date"], sent["end_date"]) == (["daily_totals"], "2026-03-07", "2026-03-10")
    assert (sent["incident_id"], sent["requested_by"]) == (str(INCIDENT), "operator")
    text = text_of(page.get(at(data_flow)).content.decode())
    assert "Retry was pressed by operator · being read again" in text
    assert "once its cause is mended" not in text


def test_retry_is_offered_again_when_it_failed_or_nobody_answered(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)
    press_retry(page, data_flow)
    told(data_flow, "retrying", 2, attempts=4)
    told(data_flow, "open", 3, attempts=4)
    press_retry(page, data_flow)
    assert len(requests_sent()) == 2

    DataFlowIncident.objects.update(asked_at=timezone.now() - timedelta(minutes=16))
    press_retry(page, data_flow)

    assert len(requests_sent()) == 3


def test_incident_that_no_run_can_mend_has_no_retry(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1, run_id=None)

    assert "once its cause is mended" not in page.get(at(data_flow)).content.decode()
    assert "There is nothing to read again" in press_retry(page, data_flow)
    assert requests_sent() == []


def test_days_that_are_not_over_are_left_to_the_daily_run(page: Client, data_flow: DataFlow) -> None:
    today = timezone.now().date()
    told(data_flow, "open", 1, start_date=str(today - timedelta(3)), end_date=str(today + timedelta(1)))

    press_retry(page, data_flow)

    (sent,) = requests_sent()
    assert sent["end_date"] < str(today + timedelta(1))


def test_paused_data_flow_is_not_read_again(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)
    DataFlow.objects.update(desired_state="paused", status="paused")

    assert "nothing can be fetched before it is active" in press_retry(page, data_flow)
    assert requests_sent() == []


def test_analyst_is_told_in_one_line_and_may_not_retry(client: Client, data_flow: DataFlow) -> None:
    analyst = User.objects.create_user("analyst")
    PropertyGrant.objects.create(user=analyst, data_flow=data_flow)
    told(data_flow, "open", 1)
    client.force_login(analyst)

    report = text_of(client.get("/properties/123456789/").content.decode())

    assert "7 Mar 2026 – 10 Mar 2026 could not be read, since 11 Mar 2026 04:00 UTC" in report
    assert "once its cause is mended" not in client.get(at(data_flow)).content.decode()
    assert client.post(at(data_flow, f"incidents/{INCIDENT}/retry/")).status_code == 403


def answered(data_flow: DataFlow, outcome: str, **changes: Any) -> bool:
    detail = {
        "event_id": str(uuid.uuid5(INCIDENT, outcome)),
        "correlation_id": str(INCIDENT),
        "data_flow_id": str(data_flow.id),
        "incident_id": str(INCIDENT),
        "outcome": outcome,
        "message": "It is over: the days are loaded.",
        "requested_by": "Slack",
        "occurred_at": timezone.now().isoformat(),
        **changes,
    }
    source = {"account": ACCOUNT_2, "source": "myapp.warehouse"}
    envelope = {**source, "detail-type": "DataFlowRemedyReported", "detail": detail}
    return answer_record(answer_parse(json.dumps(envelope)))


def test_answer_to_retry_stands_once_among_what_else_followed_from_the_failure(data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)

    assert answered(data_flow, "refused")
    assert not answered(data_flow, "refused")

    (entry,) = data_flow.timeline.filter(status="retry_refused")
    assert entry.message == "It is over: the days are loaded. (Retry was pressed by Slack)"
    assert entry.report == "daily_totals"
    assert entry.correlation_id == DataFlowIncident.objects.get().correlation_id


def test_retry_that_was_refused_may_be_pressed_again_at_once(page: Client, data_flow: DataFlow) -> None:
    told(data_flow, "open", 1)
    press_retry(page, data_flow)
    assert "being read again" in text_of(page.get(at(data_flow)).content.decode())

    answered(data_flow, "refused")

    assert "Retry once its cause is mended" in text_of(page.get(at(data_flow)).content.decode())


def test_flow_that_is_activated_by_itself_says_so(page: Client, data_flow: DataFlow) -> None:
    answered(data_flow, "activated", requested_by=None, message="AppFlow's flow x is activated again, by itself.")

    text = text_of(page.get(at(data_flow)).content.decode())

    assert "Flow activated" in text
    assert "AppFlow&#x27;s flow x is activated again, by itself." in text
