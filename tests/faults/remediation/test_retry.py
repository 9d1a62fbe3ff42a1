"""Retry from the chat channel: pressed often it is done once, and refused with a reason when it is of no use."""

import logging
import re
import uuid
from datetime import timedelta
from typing import Any

import pytest

from dataflows.contracts.errors import TransientError
from tests.faults.remediation.scene import FIRST_DUE, Scene
from tests.warehouse.account import Context
from tests.warehouse.requests import data_flow, run_request
from warehouse.buttons import joined

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

NO_METRIC = "Google Analytics answered 400 INVALID_ARGUMENT: Field x is not a valid metric."
DENIED = "ConnectorAuthentication: PERMISSION_DENIED: User does not have sufficient permissions."


@pytest.fixture
def open_incident(scene: Scene) -> Scene:
    """An incident that is open, and a cause that is gone."""
    scene.fail_runs(1, DENIED)
    scene.run_daily()
    assert scene.states() == ["open"]
    return scene


def test_retry_pressed_twenty_times_eight_at_once_is_one_run(open_incident: Scene) -> None:
    scene, payload = open_incident, open_incident.retry_payload()
    answers = [answer for times in (8, 8, 4) for answer in scene.account.invoke_at_once("retry_run", payload, times)]
    scene.settle()

    assert {answer["outcome"] for answer in answers} == {"retried"}
    assert len(scene.requested_windows()) == 1
    assert scene.states() == ["open", "retrying", "resolved"]


def test_two_people_make_one_run_and_the_first_is_noted(open_incident: Scene) -> None:
    scene = open_incident
    for name in ("olivia", "otto"):
        scene.account.invoke("retry_run", scene.retry_payload(name))
    scene.settle()

    assert scene.account.runs("requested_by", "kind = 'requested'") == [("olivia",)]
    assert [news.requested_by for news in scene.told] == [None, "olivia", "olivia"]


def test_retry_begins_a_try_that_waits_for_its_time(scene: Scene) -> None:
    scene.fail_runs(2)
    scene.run_daily()
    scene.sweep(FIRST_DUE + timedelta(minutes=10))
    (incident,) = scene.incidents()
    payload = {"ids": joined((incident["run_id"], incident["incident_id"], incident["data_flow_id"]))}

    assert scene.account.invoke("retry_run", payload)["outcome"] == "retried"
    scene.settle()

    assert [incident["state"] for incident in scene.incidents()] == ["resolved"]


def test_retry_of_an_incident_that_was_retried_before_and_is_tried_by_itself_is_told(scene: Scene) -> None:
    scene.fail_runs(1, NO_METRIC)
    scene.run_daily()
    scene.fail_runs(1, NO_METRIC)
    scene.press_retry()
    assert scene.states() == ["open", "retrying", "open"]
    scene.fail_runs(1)
    scene.run_daily(FIRST_DUE + timedelta(days=1))

    assert scene.press_retry("otto")["outcome"] == "retried"

    assert [(news.state, news.requested_by) for news in scene.told[3:]] == [("retrying", "otto"), ("resolved", "otto")]


@pytest.mark.parametrize("name", ["remediation", "refresh", "refresh: records failed", "ü" * 150, "\N{FIRE}<!channel>"])
def test_retry_does_the_same_whatever_the_name_of_who_presses_it(open_incident: Scene, name: str) -> None:
    scene = open_incident

    assert scene.press_retry(name)["outcome"] == "retried"

    assert scene.states() == ["open", "retrying", "resolved"]
    assert scene.account.runs("kind, requested_by", "kind = 'requested'") == [("requested", name[:75])]
    assert scene.told[-1].requested_by == name[:75]


def test_backfill_by_somebody_of_a_strange_name_counts_as_the_retry(open_incident: Scene) -> None:
    asked = {"start_date": "2026-03-07", "end_date": "2026-03-10", "requested_by": "remediation"}

    open_incident.account.send(run_request(**asked), FIRST_DUE + timedelta(minutes=5))
    open_incident.settle()

    assert open_incident.states() == ["open", "retrying", "resolved"]


def test_retry_on_the_page_is_the_retry_in_the_channel(open_incident: Scene) -> None:
    scene = open_incident

    scene.press_retry_on_the_page(FIRST_DUE + timedelta(minutes=5))
    scene.press_retry_on_the_page(FIRST_DUE + timedelta(minutes=6))

    assert scene.states() == ["open", "retrying", "resolved"]
    assert len(scene.requested_windows()) == 1
    assert [outcome for outcome, _ in scene.answered()] == ["retried", "refused"]
    assert scene.answered()[1][1] == "It is over: the days are loaded."


def test_retry_on_the_page_of_another_data_flows_incident_is_refused_and_shown(open_incident: Scene) -> None:
    scene = open_incident

    scene.press_retry_on_the_page(FIRST_DUE + timedelta(minutes=5), incident_id=uuid.uuid4())

    assert scene.answered() == [("refused", "There is no such incident.")]
    assert scene.states() == ["open"]


def test_retry_of_what_is_over_is_refused(open_incident: Scene) -> None:
    scene = open_incident
    scene.press_retry()
    made = len(scene.requested_windows())

    answer = scene.press_retry("otto")

    assert answer == {"outcome": "refused", "message": "It is over: the days are loaded."}
    assert len(scene.requested_windows()) == made


def test_retry_of_a_paused_data_flow_is_refused(open_incident: Scene) -> None:
    reports = [{"slug": "events"}]
    open_incident.account.send(data_flow(reports=reports, revision=2, state="paused"), FIRST_DUE + timedelta(hours=1))

    answer = open_incident.press_retry()

    assert answer["outcome"] == "refused"
    assert "Resume" in answer["message"]


def test_each_press_is_answered_once_whatever_comes_of_it(open_incident: Scene) -> None:
    scene, first = open_incident, open_incident.retry_payload()
    for payload in (first, first, {**first, "requested_by": "otto"}):
        scene.account.invoke("retry_run", payload)
    scene.settle()
    scene.account.invoke("retry_run", first)
    scene.listen()

    days = "2026-03-07 to 2026-03-10"
    assert scene.answered() == [
        ("retried", f"{days} of events is read again."),
        ("retried", "It is being read again already."),
        ("retried", "It is being read again already."),
        ("refused", "It is over: the days are loaded."),
    ]
    assert [remedy["requested_by"] for remedy in scene.remedies()] == ["olivia", "olivia", "otto", "olivia"]


def test_a_press_that_lambda_tries_again_is_answered_once(open_incident: Scene) -> None:
    scene = open_incident
    context = Context(aws_request_id="5d7cf0f1-6b0e-4ac9-a31c-6b3f3bb0c9d4")

    with scene.paused_warehouse(), pytest.raises(TransientError):
        scene.account.invoke("retry_run", scene.retry_payload(), context)
    for _ in range(2):
        scene.account.invoke("retry_run", scene.retry_payload(), context)
    scene.settle()

    assert [outcome for outcome, _ in scene.answered()] == ["waiting", "retried"]
    assert "the warehouse or AWS did not answer" in scene.answered()[0][1]


def test_run_that_is_none_of_the_incidents_is_refused_and_told(open_incident: Scene) -> None:
    scene = open_incident
    _, incident_id, data_flow_id = scene.retry_payload()["ids"].split(".")

    scene.account.invoke("retry_run", {"ids": joined(("0" * 32, incident_id, data_flow_id))})
    scene.listen()

    assert scene.answered() == [("refused", "The run is not one of this incident's.")]
    assert scene.requested_windows() == []


UNKNOWN = "6a2e4dd5-6bb3-4f0c-9f53-0c5f3f1b7a10"


@pytest.mark.parametrize(
    "changes",
    [
        {"ids": joined(("0" * 32, UNKNOWN, UNKNOWN))},
        {"ids": "../x"},
        {"ids": f"' OR 1=1.{UNKNOWN}"},
        {"requested_by": ""},
        {"requested_by": "x" * 151},
        {"requested_by": "x\0"},
        {"requested_by": "two\nlines"},
        {"ids": None},
        {"more": "x"},
    ],
)
def test_payload_that_is_of_no_data_flow_is_refused_and_only_logged(
    open_incident: Scene, caplog: pytest.LogCaptureFixture, changes: dict[str, Any]
) -> None:
    caplog.set_level(logging.INFO)
    payload = {**open_incident.retry_payload(), **changes}

    answer = open_incident.account.invoke("retry_run", payload)

    open_incident.listen()
    assert answer["outcome"] == "refused"
    assert open_incident.answered() == []
    (line,) = [vars(record) for record in caplog.records if record.message == "refused"]
    assert line["requested_by"] == payload["requested_by"][:150]
    assert open_incident.requested_windows() == []


def test_status_tells_of_incidents_and_runs_in_words(open_incident: Scene) -> None:
    lines = open_incident.account.invoke("show_status", status_payload(open_incident)).splitlines()

    assert lines[0] == "`Shop` (1001), active"
    assert lines[1].startswith("events, 2026-03-07 to 2026-03-10: needs somebody since 2026-03-11 04:00 UTC")
    assert f"`{DENIED}`" in lines[1]
    assert lines[2].startswith("events: the last run, 2026-03-07 to 2026-03-10, is failed.")


def test_status_shows_words_from_outside_literally_and_ends_between_lines(open_incident: Scene) -> None:
    scene = open_incident
    hostile = "<!channel> @here `*bold*` <https://evil.example|MyApp> " * 36
    scene.account.execute(f"UPDATE ga4_ops.incidents SET message = '{hostile}', requested_by = '<!here> *o*'")  # noqa: S608
    scene.account.execute(f"UPDATE ga4_ops.runs SET message = '{hostile}'")  # noqa: S608

    answer = scene.account.invoke("show_status", status_payload(scene))

    outside_code = re.sub(r"`[^`\n]+`", "", answer)
    assert not re.search(r"[<>`@*]", outside_code)
    assert "<" not in answer
    assert len(answer) <= 3000


def status_payload(scene: Scene, data_flow_id: str | None = None) -> dict[str, str]:
    """Return what the button below the news that was told last sends."""
    incident_id = str(scene.told[-1].incident_id) if scene.told else str(uuid.uuid4())
    return {"ids": joined((incident_id, data_flow_id or scene.data_flow_id))}


@pytest.mark.parametrize("data_flow_id", ["x", UNKNOWN])
def test_status_of_what_is_not_registered_is_refused_in_words(scene: Scene, data_flow_id: str) -> None:
    answer = scene.account.invoke("show_status", status_payload(scene, data_flow_id))

    assert "ids: " in answer or answer == "There is no such data flow."
