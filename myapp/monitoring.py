"""What CloudWatch is told of the application every minute; docs/monitoring.md names the metrics and their alarms.

A worker, beat or broker that is down says nothing: the alarms take missing numbers for bad ones.
"""

from collections.abc import Mapping
from typing import Final, Literal

import boto3
from botocore.config import Config
from celery import shared_task
from django.conf import settings
from django.utils import timezone

from dataflows.selectors import outbox_backlog
from reports.selectors import reports_behind

_CALL: Final = Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 2})
_UNITS: Final[dict[str, Literal["Seconds", "Count"]]] = {
    "OutboxLagSeconds": "Seconds",
    "EventsGivenUp": "Count",
    "ReportsBehind": "Count",
}


@shared_task  # type: ignore[untyped-decorator]  # Celery has no types
def publish_metrics() -> None:
    """Publish the application's metrics. Raises botocore's errors: the next minute tries again."""
    now = timezone.now()
    backlog = outbox_backlog(now)
    _put(
        {
            "OutboxLagSeconds": backlog.oldest_seconds,
            "EventsGivenUp": backlog.given_up,
            "ReportsBehind": reports_behind(now),
        }
    )


def _put(values: Mapping[str, float]) -> None:
    client = boto3.client("cloudwatch", config=_CALL)
    client.put_metric_data(
        Namespace=settings.METRICS_NAMESPACE,
        MetricData=[{"MetricName": name, "Value": value, "Unit": _UNITS[name]} for name, value in values.items()],
    )
