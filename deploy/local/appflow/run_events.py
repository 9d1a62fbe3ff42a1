"""AppFlow's events on the default bus: keys with hyphens, and every number as text."""

from datetime import UTC, datetime
from typing import Any, Final

from deploy.local.appflow.environment import Environment
from deploy.local.appflow.state import CANCELED, SUCCESSFUL, Execution, Flow

_SOURCE: Final = "aws.appflow"
_RUN_STARTED: Final = "AppFlow Start Flow Run Report"
_RUN_ENDED: Final = "AppFlow End Flow Run Report"
_FLOW_DEACTIVATED: Final = "AppFlow Scheduled Flow Deactivated"
# Only the first is confirmed.
_STATUS_TEXTS: Final = {SUCCESSFUL: "Execution Successful", CANCELED: "Execution Canceled"}
_FAILED: Final = "Execution Failed"


def publish_run_started(environment: Environment, flow: Flow, execution: Execution) -> None:
    """Send the event of a run that begins."""
    _publish(environment, flow, _RUN_STARTED, _run_detail(flow, execution), execution.started_at)


def publish_run_ended(environment: Environment, flow: Flow, execution: Execution) -> None:
    """Send the event of a run that is over."""
    detail = {
        **_run_detail(flow, execution),
        "end-time": _written(execution.updated_at),
        "num-of-records-processed": str(execution.records_processed),
        "num-of-records-filtered": str(execution.records_filtered),
        "num-of-record-failures": str(execution.put_failures),
        "data-processed": str(execution.bytes_processed),
        "status": _STATUS_TEXTS.get(execution.status, _FAILED),
        **({"error": execution.message} if execution.message else {}),
    }
    _publish(environment, flow, _RUN_ENDED, detail, execution.updated_at)


def publish_flow_deactivated(environment: Environment, flow: Flow, reason: str, at: datetime) -> None:
    """Send the event of a scheduled flow that failed too often."""
    detail = {**_flow_detail(flow), "deactivation-reason": reason, "deactivation-time": _written(at)}
    _publish(environment, flow, _FLOW_DEACTIVATED, detail, at)


def _publish(environment: Environment, flow: Flow, detail_type: str, detail: dict[str, Any], at: datetime) -> None:
    if not environment.faults.take_dropped_event():
        environment.publish_service_event(flow.account_id, flow.region, _SOURCE, detail_type, detail, [flow.arn], at)


def _run_detail(flow: Flow, execution: Execution) -> dict[str, Any]:
    started_at = _written(execution.started_at)
    return {**_flow_detail(flow), "execution-id": execution.execution_id, "start-time": started_at}


def _flow_detail(flow: Flow) -> dict[str, Any]:
    return {
        "flow-name": flow.name,
        "flow-arn": flow.arn,
        "source": flow.source["connectorType"].upper(),
        "source-object": flow.entity_name,
        "destination": flow.destination["connectorType"].upper(),
        "destination-object": flow.redshift["object"],
        "trigger-type": flow.definition["triggerConfig"]["triggerType"].upper(),
    }


def _written(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z[UTC]")
