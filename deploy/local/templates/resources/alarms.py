"""CloudWatch alarms: made and shown, never evaluated."""

from typing import Final

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created

ALARM_MEMBERS: Final = (
    "AlarmDescription",
    "ActionsEnabled",
    "Namespace",
    "MetricName",
    "Dimensions",
    "Metrics",
    "Statistic",
    "Period",
    "EvaluationPeriods",
    "DatapointsToAlarm",
    "Threshold",
    "ComparisonOperator",
    "TreatMissingData",
    "AlarmActions",
    "OKActions",
)


def create_alarm(alarm: Declaration) -> Created:
    """Make an alarm, or replace it; its state stays OK, because moto collects no metrics of queues."""
    name = alarm.name("AlarmName")
    alarm.stack.client("cloudwatch").put_metric_alarm(AlarmName=name, **alarm.pick(*ALARM_MEMBERS))
    return Created(name, {"Arn": alarm.stack.arn("cloudwatch", f"alarm:{name}")})
