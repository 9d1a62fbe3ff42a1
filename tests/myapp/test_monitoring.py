"""What CloudWatch is told: how far the outbox is behind, and how many reports lack a day."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from dataflows.models import DataFlow, OutboxEvent
from dataflows.selectors import outbox_backlog
from myapp.monitoring import publish_metrics
from reports.models import Partition
from reports.selectors import reports_behind
from tests.aws import ACCOUNT_1, REGION_1, aws_client, aws_endpoint, clean_aws
from tests.dataflows.conftest import unsaved_data_flow

__all__ = ["aws_endpoint", "clean_aws"]

pytestmark = pytest.mark.django_db(transaction=True)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def saved(**changes: Any) -> DataFlow:
    made = unsaved_data_flow(**changes)
    made.created_by = User.objects.create_user("olivia")
    made.save()
    return made


@pytest.fixture
def data_flow() -> DataFlow:
    """An active data flow, refreshed at four in the morning of its zone."""
    reports = [{"slug": "daily_totals"}, {"slug": "pages"}]
    return saved(time_zone="UTC", refresh_hour_local=4, reports=reports, status=DataFlow.Status.ACTIVE)


def load(data_flow: DataFlow, report_id: str, day: date) -> None:
    Partition.objects.create(
        property_id=data_flow.property_id,
        report_id=report_id,
        date=day,
        generation=1,
        row_count=1,
        run_id="0" * 32,
        loaded_at=NOON,
    )


def test_reports_that_lack_the_day_that_is_due_are_counted(data_flow: DataFlow) -> None:
    assert reports_behind(NOON) == 0  # nothing was ever loaded: the back-fill is under way
    load(data_flow, "daily_totals", date(2026, 11, 19))
    load(data_flow, "pages", date(2026, 11, 18))

    assert reports_behind(NOON) == 1
    assert reports_behind(NOON.replace(hour=9)) == 0  # due at four, and six hours for it
    assert reports_behind(NOON + timedelta(1)) == 2


def test_a_paused_data_flow_is_not_behind(data_flow: DataFlow) -> None:
    load(data_flow, "pages", date(2026, 11, 1))
    data_flow.status = DataFlow.Status.PAUSED
    data_flow.save()

    assert reports_behind(NOON) == 0


def test_the_outbox_is_as_late_as_its_oldest_event() -> None:
    assert outbox_backlog(timezone.now()).oldest_seconds == 0
    made = saved()
    for state in OutboxEvent.State.values:
        OutboxEvent.objects.create(
            data_flow=made,
            revision=1,
            correlation_id=made.id,
            detail_type="RegisterDataFlow",
            detail=json.dumps({}),
            state=state,
            next_attempt_at=NOON,
        )

    backlog = outbox_backlog(timezone.now() + timedelta(seconds=90))

    assert 90 <= backlog.oldest_seconds < 120
    assert backlog.given_up == 1


def test_the_numbers_reach_cloudwatch(clean_aws: str, data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    load(data_flow, "pages", date(2020, 1, 1))
    monkeypatch.setenv("AWS_ENDPOINT_URL", clean_aws)
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION_1)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT_1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")
    monkeypatch.setattr("boto3.DEFAULT_SESSION", None)

    publish_metrics()

    cloudwatch = aws_client("cloudwatch")
    names = {one["MetricName"] for one in cloudwatch.list_metrics(Namespace="myapp")["Metrics"]}
    assert names == {"OutboxLagSeconds", "EventsGivenUp", "ReportsBehind"}
