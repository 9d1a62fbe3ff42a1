"""Answers are written down once, whatever their order, and only from the warehouse."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.fixtures import Settings

from dataflows.answers import answer_parse, answer_record
from dataflows.contracts.errors import TerminalError
from dataflows.models import DataFlow, Run, TimelineEntry
from dataflows.services import data_flow_register
from tests.aws import ACCOUNT_2
from tests.dataflows.conftest import unsaved_data_flow

pytestmark = pytest.mark.django_db

AT = "2026-11-20T04:00:00+00:00"


@pytest.fixture
def data_flow(operator: User, settings: Settings) -> DataFlow:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    return data_flow_register(data_flow=unsaved_data_flow(), user=operator)


def status_detail(data_flow: DataFlow, status: str, **changes: Any) -> dict[str, Any]:
    detail = {"event_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4()), "data_flow_id": str(data_flow.id)}
    return {**detail, "revision": data_flow.revision, "status": status, "occurred_at": AT, **changes}


def run_detail(data_flow: DataFlow, status: str, **changes: Any) -> dict[str, Any]:
    ids = {"event_id": str(uuid.uuid4()), "correlation_id": str(uuid.uuid4()), "data_flow_id": str(data_flow.id)}
    what = {"property_id": data_flow.property_id, "report": "daily_totals", "run_id": "a" * 32, "status": status}
    return {**ids, **what, "start_date": "2026-11-01", "end_date": "2026-11-19", "occurred_at": AT, **changes}


def record(detail: dict[str, Any], *, account: str = ACCOUNT_2, source: str = "myapp.warehouse") -> bool:
    detail_type = "DataFlowRunReported" if "run_id" in detail else "DataFlowStatusChanged"
    envelope = {"account": account, "source": source, "detail-type": detail_type, "detail": detail}
    return answer_record(answer_parse(json.dumps(envelope)))


def shown(data_flow: DataFlow) -> str:
    data_flow.refresh_from_db()
    return data_flow.status


def test_answers_move_the_data_flow_forward(data_flow: DataFlow) -> None:
    for status in ("received", "schema_ready", "flows_created", "active"):
        record(status_detail(data_flow, status))
        assert shown(data_flow) == status


def test_answer_that_overtook_another_stays(data_flow: DataFlow) -> None:
    record(status_detail(data_flow, "active"))
    record(status_detail(data_flow, "received"))
    assert shown(data_flow) == "active"
    stations = TimelineEntry.objects.exclude(station="submit").order_by("recorded_at").values_list("station", "status")
    assert list(stations) == [("register", "active"), ("forward", "received")]


def test_answer_to_an_older_revision_is_not_shown(data_flow: DataFlow) -> None:
    record(status_detail(data_flow, "active", revision=3))
    record(status_detail(data_flow, "failed", revision=2, reason="x", message="old news"))
    assert shown(data_flow) == "active"


def test_failure_is_shown_in_its_words_and_passes(data_flow: DataFlow) -> None:
    record(status_detail(data_flow, "failed", reason="unknown_field", message="GA4 has no field x."))
    assert shown(data_flow) == "failed"
    assert data_flow.status_message == "GA4 has no field x."
    record(status_detail(data_flow, "active"))
    assert shown(data_flow) == "active"


def test_same_answer_twice_is_recorded_once(data_flow: DataFlow) -> None:
    detail = status_detail(data_flow, "active")
    assert record(detail)
    assert not record(detail)
    assert TimelineEntry.objects.filter(station="register").count() == 1


def test_run_keeps_its_furthest_state(data_flow: DataFlow) -> None:
    for status, rows in (("started", 0), ("refreshed", 18), ("succeeded", 19)):
        record(run_detail(data_flow, status, rows=rows))
    run = Run.objects.get()
    assert (run.status, run.rows) == ("refreshed", 18)


LATER = "2026-11-20T04:15:00+00:00"


@pytest.mark.parametrize(
    ("answers", "expected"),
    [
        ((("succeeded", AT), ("failed", AT), ("refreshed", LATER), ("unloaded", LATER)), "unloaded"),
        ((("failed", AT), ("refreshed", LATER)), "refreshed"),
        ((("refreshed", AT), ("failed", AT)), "failed"),
        ((("failed", AT), ("refreshed", AT)), "failed"),
        ((("unloaded", AT), ("failed", AT)), "unloaded"),
        ((("failed", AT), ("started", LATER), ("succeeded", LATER)), "failed"),
    ],
)
def test_run_that_failed_is_shown_so_until_it_gets_further(
    data_flow: DataFlow, answers: tuple[tuple[str, str], ...], expected: str
) -> None:
    for status, occurred_at in answers:
        record(run_detail(data_flow, status, occurred_at=occurred_at))
    assert Run.objects.get().status == expected


@pytest.mark.parametrize("sender", [{"account": "999999999999"}, {"source": "myapp.dataflows"}])
def test_answer_of_another_sender_is_refused(data_flow: DataFlow, sender: dict[str, str]) -> None:
    with pytest.raises(TerminalError, match="not from the warehouse"):
        record(status_detail(data_flow, "active"), **sender)
    assert shown(data_flow) == "queued"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"detail-type": "Other"}', "not json"])
def test_unreadable_answer_is_refused(data_flow: DataFlow, body: str) -> None:
    with pytest.raises(TerminalError):
        answer_parse(body)


def test_answer_about_an_unknown_data_flow_is_refused(data_flow: DataFlow) -> None:
    with pytest.raises(TerminalError, match="no data flow"):
        record(status_detail(data_flow, "active", data_flow_id=str(uuid.uuid4())))
