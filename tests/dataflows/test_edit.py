"""The edit page: it shows what is registered, saves what is made of it, and refuses what can't be."""

import json
import re
from datetime import date
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from dataflows.contracts.events import DataFlowState
from dataflows.definitions import definition_of
from dataflows.models import DataFlow, OutboxEvent
from dataflows.services import data_flow_change, data_flow_change_state, data_flow_register
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.contracts.definitions import filters_of
from tests.dataflows.pages import errors_beside, fields_with_errors, filters
from tests.dataflows.sent import form_as_it_stands

CUSTOM = {"name": "by_author", "dimensions": ["eventName", "customEvent:author"], "metrics": ["eventCount"]}
FILTERS = [
    {"dimension": "eventName", "operator": "not_equal_to", "values": ["purchase", "refund"]},
    {"dimension": "eventName", "operator": "contains", "values": ["<b>"]},
]


@pytest.fixture
def data_flow(operator: User) -> DataFlow:
    """A data flow in which nothing is as the register page has it at first."""
    asked = unsaved_data_flow(
        display_name='Käse & "Brot"',
        connector_profile="other",
        reports=[{"slug": "events"}, {"custom": CUSTOM}],
        start_date=date(2025, 12, 31),
        lookback_days=9,
        refresh_hour_local=23,
        filters=FILTERS,
        on_invalid="fail_run",
    )
    return data_flow_register(data_flow=asked, user=operator)


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def at(data_flow: DataFlow) -> str:
    return f"/data-flows/{data_flow.id}/edit/"


def as_shown(page: Client, data_flow: DataFlow, **changes: Any) -> dict[str, Any]:
    """Return what the page would send as it stands, with these fields changed."""
    return {**form_as_it_stands(page.get(at(data_flow)).content.decode()), **changes}


def saved(page: Client, data_flow: DataFlow, **changes: Any) -> DataFlow:
    """Change these fields on the page and save; return the data flow as it is then."""
    response = page.post(at(data_flow), as_shown(page, data_flow, **changes))
    assert response.status_code == 302, errors_in(response.content.decode())
    assert response["Location"] == f"/data-flows/{data_flow.id}/"
    return DataFlow.objects.get()


def refused(page: Client, data_flow: DataFlow, sent: dict[str, Any]) -> str:
    """Send these fields, which must not be taken; return the page that says why."""
    before, events = DataFlow.objects.values().get(), OutboxEvent.objects.count()
    response = page.post(at(data_flow), sent)
    assert response.status_code == 422
    assert DataFlow.objects.values().get() == before
    assert OutboxEvent.objects.count() == events
    return response.content.decode()


def errors_in(answer: str) -> list[str]:
    return re.findall(r'<p class="error">(.*?)</p>', answer)


def test_saving_what_the_page_shows_sends_the_same_definition_again(page: Client, data_flow: DataFlow) -> None:
    again = saved(page, data_flow)
    assert definition_of(again) == definition_of(data_flow)
    assert (again.revision, again.desired_state, again.status) == (2, "active", "queued")
    assert [json.loads(event.detail)["revision"] for event in OutboxEvent.objects.order_by("revision")] == [1, 2]


def test_every_field_can_be_changed_but_the_property(page: Client, data_flow: DataFlow) -> None:
    changes = {
        "display_name": "Other",
        "time_zone": "Europe/Berlin",
        "currency_code": "eur",
        "connector_profile": "ga4",
        "start_date": "2026-02-01",
        "lookback_days": "2",
        "refresh_hour_local": "6",
        "on_invalid": "drop_record",
    }
    changed = saved(page, data_flow, **changes, property_id="42")
    assert {name: str(getattr(changed, name)) for name in changes} == {**changes, "currency_code": "EUR"}
    assert changed.property_id == data_flow.property_id


def test_property_is_shown_but_not_to_be_filled_in(page: Client, data_flow: DataFlow) -> None:
    [field] = re.findall(r'<input[^>]*name="property_id"[^>]*>', page.get(at(data_flow)).content.decode())
    assert f'value="{data_flow.property_id}"' in field
    assert "disabled" in field


def test_reports_and_filters_come_and_go(page: Client, data_flow: DataFlow) -> None:
    changed = saved(
        page,
        data_flow,
        reports=["events"],
        **{"custom-0-DELETE": "on", "custom-1-name": "by_name"},
        **{"custom-1-dimensions": ["eventName"], "custom-1-metrics": ["keyEvents"]},
        **{"filter-0-DELETE": "on", "filter-1-values": "a, b"},
    )
    assert changed.reports == [
        {"slug": "events"},
        {"custom": {"name": "by_name", "dimensions": ["eventName"], "metrics": ["keyEvents"]}},
    ]
    assert changed.filters == [{"dimension": "eventName", "operator": "contains", "values": ["a", "b"]}]


def test_row_that_is_taken_out_may_hold_anything(page: Client, data_flow: DataFlow) -> None:
    nonsense = {"custom-0-name": "No Name!", "custom-0-custom_dimensions": "?", "filter-1-values": ""}
    changed = saved(page, data_flow, **nonsense, **{"custom-0-DELETE": "on", "filter-1-DELETE": "on"})
    assert changed.reports == [{"slug": "events"}]
    assert changed.filters == FILTERS[:1]


def test_report_that_is_written_in_another_order_keeps_the_order_it_is_stored_in(page: Client, operator: User) -> None:
    custom = {"name": "x", "dimensions": ["customEvent:b", "city", "date", "customEvent:a"], "metrics": ["sessions"]}
    asked = unsaved_data_flow(reports=[{"custom": custom}])
    data_flow = data_flow_register(data_flow=asked, user=operator)
    assert saved(page, data_flow).reports == [{"custom": custom}]
    typed = {"custom-0-custom_dimensions": "customEvent:a, customEvent:b"}
    assert saved(page, data_flow, **typed).reports == [{"custom": custom}]


def test_filter_on_a_field_of_the_property_is_kept(page: Client, operator: User) -> None:
    custom = {"name": "x", "dimensions": ["customEvent:a"], "metrics": ["sessions"]}
    asked = {"dimension": "customEvent:a", "operator": "equal_to", "values": ["b"]}
    unsaved = unsaved_data_flow(reports=[{"custom": custom}], filters=[asked])
    data_flow = data_flow_register(data_flow=unsaved, user=operator)
    assert saved(page, data_flow).filters == [asked]


@pytest.mark.parametrize("state", [DataFlowState.PAUSED, DataFlowState.ACTIVE])
def test_data_flow_stays_as_it_is_wanted(
    page: Client, operator: User, data_flow: DataFlow, state: DataFlowState
) -> None:
    data_flow_change_state(data_flow_id=data_flow.id, state=state, user=operator)
    shown = page.get(at(data_flow)).content.decode()
    assert ("is paused and stays so" in shown) == (state is DataFlowState.PAUSED)
    assert saved(page, data_flow).desired_state == state


def test_deregistered_data_flow_is_to_be_resumed_first(page: Client, operator: User, data_flow: DataFlow) -> None:
    sent = as_shown(page, data_flow, lookback_days="3")
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.REMOVED, user=operator)
    answer = refused(page, data_flow, sent)
    assert "It is deregistered: resume it first" in answer
    assert "Save puts it in the place" not in answer
    assert 'name="lookback_days" value="3"' in answer
    opened = page.get(at(data_flow), follow=True)
    assert opened.redirect_chain[-1][0] == f"/data-flows/{data_flow.id}/"
    assert "resume it first, then edit it" in opened.content.decode()


def test_page_made_from_an_older_revision_saves_nothing_and_tells_what_happened(
    page: Client, operator: User, data_flow: DataFlow
) -> None:
    sent = as_shown(page, data_flow, lookback_days="3", display_name="Mine")
    other = unsaved_data_flow(**{**vars_of(data_flow), "lookback_days": 5, "filters": []})
    data_flow_change(data_flow_id=data_flow.id, asked=other, made_from=1, user=User.objects.create_user("ottó"))
    answer = refused(page, data_flow, sent)
    assert "Nothing is saved. It was changed meanwhile, from revision 1 to 2." in answer
    assert "revision 2, active, asked for by ottó" in answer
    assert told_differences(answer) == {
        "Name": "Käse &amp; &quot;Brot&quot;",
        "Lookback days": "5",
        "Filter": "None",
    }
    assert 'name="lookback_days" value="3"' in answer
    assert page.post(at(data_flow), form_as_it_stands(answer)).status_code == 302
    last = DataFlow.objects.get()
    assert (last.revision, last.display_name, last.lookback_days, last.filters) == (3, "Mine", 3, FILTERS)


def test_page_sent_twice_saves_once_and_tells_that_it_is_saved(page: Client, data_flow: DataFlow) -> None:
    sent = as_shown(page, data_flow, lookback_days="3")
    assert page.post(at(data_flow), sent).status_code == 302
    assert "What is saved there now is what you filled in." in refused(page, data_flow, sent)


@pytest.mark.parametrize("revision", ["", "x", "-1", "1 OR 1=1", "9" * 5_000, "\u0661", None])
def test_revision_that_nobody_was_shown_saves_nothing(page: Client, data_flow: DataFlow, revision: str | None) -> None:
    sent = as_shown(page, data_flow, revision=revision)
    answer = refused(page, data_flow, {name: value for name, value in sent.items() if value is not None})
    assert "It was changed meanwhile" in answer


def test_custom_report_of_one_name_with_other_fields_is_refused_beside_its_name(
    page: Client, data_flow: DataFlow
) -> None:
    answer = refused(page, data_flow, as_shown(page, data_flow, **{"custom-0-metrics": ["keyEvents"]}))
    assert "give this one another name" in errors_beside(answer, "custom-0-name")
    assert fields_with_errors(answer) == {"custom-0-name"}
    assert saved(page, data_flow, **{"custom-0-name": "renamed", "custom-0-metrics": ["keyEvents"]}).revision == 2


def test_custom_report_that_was_taken_out_keeps_its_name_for_its_fields(page: Client, data_flow: DataFlow) -> None:
    saved(page, data_flow, **{"custom-0-DELETE": "on"})
    again = {"custom-0-name": "by_author", "custom-0-dimensions": ["eventName"], "custom-0-metrics": ["eventCount"]}
    answer = refused(page, data_flow, as_shown(page, data_flow, **again))
    assert "give this one another name" in errors_beside(answer, "custom-0-name")
    assert saved(page, data_flow, **again, **{"custom-0-custom_dimensions": "customEvent:author"}).revision == 3


@pytest.mark.parametrize(
    ("changes", "field", "words"),
    [
        ({"display_name": ""}, "display_name", "Write a name"),
        ({"time_zone": "Mars/Olympus"}, "time_zone", "such as Europe/Berlin"),
        ({"start_date": "2015-08-13"}, "start_date", "Choose 2015-08-14 or later"),
        ({"start_date": "2999-01-01"}, "start_date", "Choose a day before today"),
        ({"reports": [], "custom-0-DELETE": "on"}, "reports", "Choose at least one report"),
        ({"reports": ["events", "devices"]}, "filter-0-dimension", "not one of devices"),
        ({"custom-0-name": ""}, "custom-0-name", "Give the report a name"),
        (
            {"custom-1-name": "by_author", "custom-1-dimensions": ["eventName"], "custom-1-metrics": ["sessions"]},
            "custom-1-name",
            "named twice",
        ),
        ({"filter-0-values": ""}, "filter-0-values", "Write at least one value"),
    ],
)
def test_error_stands_beside_its_field_and_nothing_is_saved(
    page: Client, data_flow: DataFlow, changes: dict[str, Any], field: str, words: str
) -> None:
    answer = refused(page, data_flow, as_shown(page, data_flow, **changes))
    assert "Nothing is saved yet. Mend these first:" in answer
    assert words in errors_beside(answer, field)
    assert field in fields_with_errors(answer)
    focused, *_ = [tag for tag in re.split("<input|<select", answer) if " autofocus" in tag.partition(">")[0]]
    assert f'name="{field}"' in focused


def test_definition_too_large_to_be_sent_is_refused_beside_its_longest_filter(
    page: Client, data_flow: DataFlow
) -> None:
    sent = as_shown(page, data_flow, **filters(filters_of(20_000)))
    assert "too large to be sent" in errors_beside(refused(page, data_flow, sent), "filter-0-values")


def test_page_opens_at_the_first_field_that_can_be_filled_in(page: Client, data_flow: DataFlow) -> None:
    answer = page.get(at(data_flow)).content.decode()
    [focused] = [tag for tag in answer.split("<input") if " autofocus" in tag.partition(">")[0]]
    assert 'name="display_name"' in focused
    assert '<details class="own-reports" open>' in re.sub(r"\s+", " ", answer)


def test_pages_lead_to_the_edit_page_unless_it_is_deregistered(
    page: Client, operator: User, data_flow: DataFlow
) -> None:
    detail = f"/data-flows/{data_flow.id}/"
    assert f'href="{at(data_flow)}"' in page.get(detail).content.decode()
    data_flow_change_state(data_flow_id=data_flow.id, state=DataFlowState.REMOVED, user=operator)
    assert f'href="{at(data_flow)}"' not in page.get(detail).content.decode()


def vars_of(data_flow: DataFlow) -> dict[str, Any]:
    definition = definition_of(data_flow)
    return {**{name: definition[name] for name in definition if name != "property"}, **definition["property"]}


def told_differences(answer: str) -> dict[str, str]:
    found = re.findall(r"<dt>(.*?)</dt>\s*<dd>\s*<bdi>(.*?)</bdi>", answer, flags=re.DOTALL)
    return dict(found)
