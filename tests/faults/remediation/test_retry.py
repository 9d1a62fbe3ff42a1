"""Retry from the chat channel: pressed often it is done once, and refused with a reason when it is of no use."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from tests.faults.remediation.scene import FIRST_DUE, Scene
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

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
    payload = {"run_id": incident["run_id"], "incident_id": incident["incident_id"], "requested_by": "olivia"}

    assert scene.account.invoke("retry_run", payload)["outcome"] == "retried"
    scene.settle()

    assert [incident["state"] for incident in scene.incidents()] == ["resolved"]


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


@pytest.mark.parametrize(
    "changes",
    [
        {"run_id": "0" * 32},
        {"run_id": "../x"},
        {"incident_id": str(uuid.uuid4())},
        {"incident_id": "' OR 1=1"},
        {"requested_by": ""},
        {"requested_by": "x" * 151},
        {"run_id": None},
        {"more": "x"},
    ],
)
def test_payload_that_names_no_run_of_an_incident_is_refused(open_incident: Scene, changes: dict[str, Any]) -> None:
    answer = open_incident.account.invoke("retry_run", {**open_incident.retry_payload(), **changes})

    assert answer["outcome"] == "refused"
    assert open_incident.requested_windows() == []


def test_status_tells_of_incidents_and_runs_in_words(open_incident: Scene) -> None:
    payload = {"data_flow_id": open_incident.data_flow_id, "requested_by": "olivia"}

    lines = open_incident.account.invoke("show_status", payload).splitlines()

    assert lines[0] == "Shop (1001), active"
    assert lines[1].startswith("events, 2026-03-07 to 2026-03-10: needs somebody since 2026-03-11 04:00 UTC")
    assert "PERMISSION_DENIED" in lines[1]
    assert lines[2].startswith("events: the last run, 2026-03-07 to 2026-03-10, is failed.")


@pytest.mark.parametrize("data_flow_id", ["x", str(uuid.uuid4())])
def test_status_of_what_is_not_registered_is_refused_in_words(scene: Scene, data_flow_id: str) -> None:
    answer = scene.account.invoke("show_status", {"data_flow_id": data_flow_id})

    assert "data_flow_id: " in answer or answer == "There is no such data flow."
