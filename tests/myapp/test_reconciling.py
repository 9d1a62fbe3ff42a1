"""What MySQL holds is stated to Account 2: of every active data flow, and more often of those whose counts differ."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pytest
from django.contrib.auth.models import User

from dataflows.contracts.events import parse_days_counted
from dataflows.models import DataFlow, DataFlowIncident
from myapp.reconciling import state_days, state_differing_days
from tests.aws import aws_client, aws_endpoint, clean_aws
from tests.dataflows.conftest import bus, operator, unsaved_data_flow
from tests.reports.conftest import add_load, add_report_row

__all__ = ["aws_endpoint", "bus", "clean_aws", "operator"]

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 1)


@pytest.fixture
def add_data_flow(operator: User) -> Callable[..., DataFlow]:
    """Saves an active data flow of one report, with a day that is loaded."""

    def add(property_id: str, **changes: Any) -> DataFlow:
        reports = [{"slug": "events"}]
        made = unsaved_data_flow(property_id=property_id, reports=reports, created_by=operator, **changes)
        made.save(force_insert=True)
        add_report_row("events", DAY, ("a",), property_id)
        add_load(property_id, None, report_id="events", date=DAY)
        return made

    return add


def stated(queue_url: str) -> dict[str, dict[str, Any]]:
    """Return what was stated since the last call, by property."""
    sqs, found = aws_client("sqs"), {}
    while messages := sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
        for message in messages:
            event = json.loads(message["Body"])
            assert event["detail-type"] == "DataFlowDaysCounted"
            parse_days_counted(event["detail"])
            found[event["detail"]["property_id"]] = event["detail"]
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
    return found


def test_every_active_data_flow_is_stated(bus: str, add_data_flow: Callable[..., DataFlow]) -> None:
    active = add_data_flow("1001", status="active")
    add_data_flow("1002", status="paused")

    assert state_days() == 1

    (statement,) = stated(bus).values()
    assert statement["data_flow_id"] == str(active.id)
    (report,) = statement["reports"]
    held = {"start_date": "2026-11-01", "end_date": "2026-11-01", "generation": 1, "is_counted": True}
    assert (report["report"], report["held"], report["differing"]) == ("events", [held], [])


def test_those_that_differ_are_stated_more_often(bus: str, add_data_flow: Callable[..., DataFlow]) -> None:
    add_data_flow("1001", status="active")
    troubled = add_data_flow("1002", status="active")
    at = datetime(2026, 11, 3, tzinfo=UTC)
    DataFlowIncident.objects.create(
        incident_id="6a2e4dd5-6bb3-4f0c-9f53-0c5f3f1b7a10",
        data_flow=troubled,
        correlation_id=troubled.id,
        report="events",
        kind="counts_differ",
        cause="unknown",
        state="open",
        start_date=DAY,
        end_date=DAY,
        since=at,
        message="2026-11-01: the loader loaded 1 row, MySQL holds 0 rows.",
        changed_at=at,
    )

    assert state_differing_days() == 1

    assert set(stated(bus)) == {"1002"}
