"""Numbers for CloudWatch: each is one line of the log, which CloudWatch reads into a metric (EMF).

Namespace and dimension are `POWERTOOLS_METRICS_NAMESPACE` and `POWERTOOLS_SERVICE_NAME`. docs/monitoring.md names
them all.
"""

from datetime import UTC, datetime

from aws_lambda_powertools import single_metric
from aws_lambda_powertools.metrics import MetricUnit


def count(name: str, value: int = 1) -> None:
    """Add to a metric; nothing is written for 0. Raises powertools' SchemaValidationError without a namespace."""
    if value:
        _write(name, MetricUnit.Count, value)


def lag_since(name: str, at: datetime) -> None:
    """Record how many seconds have passed since the aware moment `at`."""
    _write(name, MetricUnit.Seconds, max((datetime.now(UTC) - at).total_seconds(), 0))


def _write(name: str, unit: MetricUnit, value: float) -> None:
    with single_metric(name=name, unit=unit, value=value):
        pass  # it is written when the block ends
