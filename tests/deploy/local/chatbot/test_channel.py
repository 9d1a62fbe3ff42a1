import re

import pytest
import requests

from deploy.local.chatbot.pages import threads
from deploy.local.processes import wait_until
from tests.deploy.local.chatbot.conftest import SECONDS, MakeRoom, custom

ALARM = {
    "AlarmName": "myapp-upsert-dead-letters",
    "AlarmDescription": "Do what docs/runbook.md says.",
    "NewStateValue": "ALARM",
    "NewStateReason": "Threshold Crossed",
    "StateChangeTime": "2026-11-26T10:00:00.000+0000",
}


def test_messages_of_one_thread_stand_together(room: MakeRoom) -> None:
    made = room()
    for thread_id, title in (("one", "failed"), ("two", "other"), ("one", "recovered")):
        made.publish(custom(thread_id, title))

    found = [[post.notification.title for post in thread] for thread in threads(made.page.channel.posts)]

    assert found == [["failed", "recovered"], ["other"]]
    assert "emulated" in made.html()


def test_an_alarm_is_shown_as_cloudwatch_wrote_it_without_buttons(room: MakeRoom) -> None:
    made = room()
    made.publish(ALARM)

    assert "CloudWatch alarm myapp-upsert-dead-letters: ALARM" in made.html()
    assert made.buttons() == []


@pytest.mark.parametrize(
    "message",
    [
        "no JSON",
        {"text": "hello"},
        {**custom(), "version": "2.0"},
        {**custom(), "content": {"title": "without a description"}},
        {**custom(), "colour": "red"},
        {"source": "myapp", "detail-type": "x", "detail": {}, "account": "1", "region": "r"},
    ],
)
def test_what_the_service_would_drop_is_not_shown_but_said_to_be_dropped(room: MakeRoom, message: object) -> None:
    made = room()
    made.publish(message)

    assert made.page.channel.posts == []
    assert "Slack would show nothing" in made.html()


def test_a_button_stands_where_its_criteria_are_met(room: MakeRoom) -> None:
    made = room()
    made.publish(custom(run_id="1", state="open", flow="f"))
    assert made.buttons() == ["Retry", "Show"]
    made.publish(custom("two", run_id="1", state="resolved"))
    made.publish(custom("three", state="open"))
    made.publish(
        {**custom("four", flow="f"), "metadata": {**custom(flow="f")["metadata"], "enableCustomActions": False}}
    )
    assert made.buttons() == ["Retry", "Show"]


def test_a_button_invokes_its_function_and_answers_in_the_thread(room: MakeRoom) -> None:
    made = room()
    made.publish(custom(run_id="1", state="open"))

    assert made.press("retry").ok

    assert wait_until(lambda: bool(made.invocations), SECONDS)
    assert made.invocations[0].result == {"run_id": "1"}
    (thread,) = threads(made.page.channel.posts)
    assert "StatusCode 202" in thread[1].notification.text


def test_the_answer_of_a_command_that_is_waited_for_stands_in_the_thread(room: MakeRoom) -> None:
    made = room("status")
    made.publish(custom(flow="f"))
    made.press("status")

    assert "<strong>Nothing</strong> runs for <code>f</code>." in made.html()


@pytest.mark.parametrize(
    ("handler", "seconds", "said"), [("slow", 0.5, "took longer than"), ("fail", 15, "no such data flow")]
)
def test_a_command_that_fails_or_takes_too_long_is_told(
    room: MakeRoom, handler: str, seconds: float, said: str
) -> None:
    made = room(handler, seconds)
    made.publish(custom(flow="f"))
    made.press("status")

    assert said in made.html()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"ByRole": "arn:aws:lambda:*:*:function:other"}, "role"),
        ({"ByGuardrail": "arn:aws:lambda:*:*:function:other"}, "guardrail"),
        ({"Trusted": "lambda.amazonaws.com"}, "be assumed by chatbot.amazonaws.com"),
    ],
)
def test_role_and_guardrail_must_both_allow_what_a_button_does(
    room: MakeRoom, changes: dict[str, str], said: str
) -> None:
    made = room(**changes)
    made.publish(custom(run_id="1", state="open"))
    made.press("retry")

    assert said in made.page.channel.posts[-1].notification.text
    assert made.invocations == []


def test_only_the_page_itself_can_press_its_buttons(room: MakeRoom) -> None:
    made = room()
    made.publish(custom(run_id="1", state="open"))

    assert made.press("retry", token="guessed").status_code == requests.codes.forbidden
    assert made.press("status").status_code == requests.codes.not_found
    other_host = requests.get(made.page.url, headers={"Host": "evil.example:80"}, timeout=SECONDS)
    assert other_host.status_code == requests.codes.forbidden
    assert made.invocations == []


def test_what_a_message_brings_along_is_text_on_the_page(room: MakeRoom) -> None:
    made = room()
    message = custom(title="`&lt;b&gt;` <script>alert(1)</script>")
    message["content"]["description"] = "```&lt;img onerror=x&gt;``` <https://a.example|click &amp; see> <!channel>"
    made.publish(message)

    html = made.html()
    assert not re.search(r"<(script|img onerror)", html)
    assert "<pre>&lt;img onerror=x&gt;</pre>" in html
    assert '<a href="https://a.example">click &amp; see</a>' in html
    assert "mention !channel" in html
