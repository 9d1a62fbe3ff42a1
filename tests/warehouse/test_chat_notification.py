import html
import json
import re
import uuid
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from dataflows.contracts.incidents import DataFlowRemedyReported, WarehouseOutageChanged
from deploy.local.chatbot.notification import read_notification
from tests.warehouse.incidents import incident
from tests.warehouse.requests import AT
from warehouse.chat_notification import ChatNotification, News, Surroundings, chat_notification
from warehouse.chat_text import code, code_block, words

APP_URL = "https://myapp.example.com"
AROUND = Surroundings(APP_URL, "us-east-1", "myapp-retry-run", "myapp-show-status")
BUTTON_VALUE = re.compile(r"[A-Za-z0-9._-]{1,128}")


def notification_of(event: News, around: Surroundings = AROUND) -> ChatNotification:
    """Return the message that tells of an event, which is to be told."""
    told = chat_notification(event, around)
    assert told is not None
    return told


def test_an_open_incident_says_what_failed_for_whom_since_when_and_what_to_do() -> None:
    event = incident(attempts=3)

    content = notification_of(event).content

    assert content.title == ":rotating_light: Run failed: events of `Shop`"
    for told in ("(1001)", "2026-03-06 to 2026-03-09", "2026-03-10 07:30 UTC", "invalid_grant", "Tries so far* 3"):
        assert told in content.description
    assert content.nextSteps == ("Renew the connection profile's Google login, then press Retry.",)
    assert f"<{APP_URL}/data-flows/{event.data_flow_id}/|" in content.description


def test_all_news_of_an_incident_stands_in_its_thread() -> None:
    event = incident()
    retrying = incident(incident_id=event.incident_id, state="retrying", requested_by="Slack")
    resolved = incident(incident_id=event.incident_id, state="resolved", run_id=None)

    told = [notification_of(one) for one in (event, retrying, resolved)]

    assert {one.metadata.threadId for one in told} == {str(event.incident_id)}
    assert [one.content.title.split(":")[1] for one in told] == ["rotating_light", "repeat", "white_check_mark"]
    assert "pressed by* Slack" in told[1].content.description
    assert told[2].content.nextSteps == ()


def test_without_a_run_or_an_address_there_is_no_run_to_retry_and_no_link() -> None:
    told = notification_of(incident(run_id=None), replace(AROUND, app_url=""))

    assert "run_id" not in told.metadata.additionalContext
    assert "<" not in told.content.description


@given(
    st.text(min_size=1, max_size=2000),
    st.text(max_size=500),
    st.sampled_from(["Käse & <Brot>", "<!channel> @here", "`*_~:x:", "a" * 100, "&" * 100, "<" * 100]),
)
@example(message="0", remedy=" ", name="Shop")  # a remedy of blanks is none
def test_hostile_words_are_shown_literally_and_the_service_takes_the_message(
    message: str, remedy: str, name: str
) -> None:
    told = notification_of(incident(message=message, remedy=remedy, display_name=name))

    shown = read_notification(told.model_dump_json())  # as the service reads it
    outside_code = re.sub(
        r"```.+?```|`[^`\n]+`", "", f"{shown.title}\n{shown.text}\n{' '.join(shown.steps)}", flags=re.S
    )
    links = re.findall(r"<[^>]*>", outside_code)
    assert links == [f"<{APP_URL}/data-flows/{incident().data_flow_id}/|Open the data flow in MyApp>"]
    assert not re.search(r"[`@~]", outside_code)
    assert all(BUTTON_VALUE.fullmatch(value) for value in told.metadata.additionalContext.values())


@pytest.mark.parametrize("name", ["\N{FIRE}" * 300, "&" * 300, "e\u0301" * 150])
def test_name_of_any_length_is_cut_to_what_the_title_holds(name: str) -> None:
    longest = {"kind": "flow_deactivated", "state": "resolved", "report": f"custom_{'r' * 30}"}
    event = incident(**longest).model_copy(update={"display_name": name})

    title = notification_of(event).content.title

    assert len(title) <= 150
    assert html.unescape(title).endswith("…`")


@pytest.mark.parametrize("shown", [code, code_block, words])
def test_a_text_that_is_too_long_is_cut_between_signs(shown: object) -> None:
    assert callable(shown)
    text = shown("&" * 100, 60)

    assert len(text) <= 60
    assert html.unescape(text).strip("`") == "&" * html.unescape(text).count("&") + "…"


def test_what_the_service_would_drop_is_not_made() -> None:
    sound = json.loads(notification_of(incident()).model_dump_json())

    for part, changes in (
        ("content", {"title": "t" * 151}),
        ("content", {"description": ""}),
        ("content", {"colour": "red"}),
        ("metadata", {"additionalContext": {"run_id": '1"} --region x'}}),
        ("metadata", {"threadId": "a b"}),
    ):
        with pytest.raises(ValidationError):
            ChatNotification.model_validate({**sound, part: {**sound[part], **changes}})


def remedy(**changes: Any) -> DataFlowRemedyReported:
    told = {
        "event_id": uuid.uuid4(),
        "correlation_id": uuid.uuid4(),
        "data_flow_id": uuid.uuid4(),
        "incident_id": uuid.uuid4(),
        "outcome": "refused",
        "message": "It is over: the days are loaded.",
        "requested_by": "<!here> *o*",
        "occurred_at": AT,
    }
    return DataFlowRemedyReported.model_validate({**told, **changes})


def test_an_answer_to_retry_stands_in_the_incidents_thread_without_buttons() -> None:
    event = remedy()

    shown = read_notification(notification_of(event).model_dump_json())

    assert (shown.thread_id, shown.has_buttons) == (str(event.incident_id), False)
    assert shown.title == ":no_entry: Retry is of no use"
    assert shown.text.startswith("It is over: the days are loaded.\n*Retry pressed by* ")
    assert "<!" not in shown.text


def test_what_is_done_by_itself_is_for_the_timeline_alone() -> None:
    assert chat_notification(remedy(outcome="activated", requested_by=None), AROUND) is None


@pytest.mark.parametrize(("state", "steps"), [("begun", ("Resume it.",)), ("over", ())])
def test_an_outage_is_one_thread_of_all_data_flows(state: str, steps: tuple[str, ...]) -> None:
    ids = {"event_id": uuid.uuid4(), "outage_id": uuid.uuid4()}
    words = {"message": "It is paused.", "remedy": "Resume it."}
    event = WarehouseOutageChanged.model_validate({**ids, **words, "state": state, "since": AT, "occurred_at": AT})

    shown = read_notification(notification_of(event).model_dump_json())

    assert (shown.thread_id, shown.has_buttons, shown.steps) == (str(event.outage_id), False, steps)
    assert ("It is paused." in shown.text) is (state == "begun")
