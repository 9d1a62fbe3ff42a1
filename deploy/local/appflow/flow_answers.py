"""How flows and their runs look in AppFlow's answers."""

from typing import Final

from deploy.local.appflow.state import Execution, Flow
from deploy.local.scheduler.service_model import Members

_SHOWN_MEMBERS: Final = (
    "flowName",
    "description",
    "kmsArn",
    "triggerConfig",
    "sourceFlowConfig",
    "destinationFlowConfigList",
    "tasks",
)


def describe_flow(flow: Flow) -> Members:
    """Return a flow as DescribeFlow shows it."""
    return {
        **{name: flow.definition[name] for name in _SHOWN_MEMBERS if name in flow.definition},
        **_described(flow),
        **({"flowStatusMessage": flow.status_message} if flow.status_message else {}),
        "schemaVersion": 1,
    }


def list_flow(flow: Flow) -> Members:
    """Return a flow as ListFlows shows it."""
    description = flow.definition.get("description")
    return {
        "flowName": flow.name,
        **({"description": description} if description else {}),
        "sourceConnectorType": flow.source["connectorType"],
        "destinationConnectorType": flow.destination["connectorType"],
        "triggerType": flow.definition["triggerConfig"]["triggerType"],
        **_described(flow),
    }


def execution_record(execution: Execution) -> Members:
    """Return the record of a run as DescribeFlowExecutionRecords shows it."""
    errors: Members = {"putFailuresCount": execution.put_failures} if execution.put_failures else {}
    errors |= {"executionMessage": execution.message} if execution.message else {}
    result = {
        "bytesProcessed": execution.bytes_processed,
        "bytesWritten": execution.bytes_written,
        "recordsProcessed": execution.records_processed,
        **({"errorInfo": errors} if errors else {}),
    }
    return {
        "executionId": execution.execution_id,
        "executionStatus": execution.status,
        "executionResult": result,
        "startedAt": execution.started_at.timestamp(),
        "lastUpdatedAt": execution.updated_at.timestamp(),
    }


def _described(flow: Flow) -> Members:
    return {
        "flowArn": flow.arn,
        "flowStatus": flow.status,
        "createdAt": flow.created_at.timestamp(),
        "lastUpdatedAt": flow.updated_at.timestamp(),
        "createdBy": flow.created_by,
        "lastUpdatedBy": flow.updated_by,
        "tags": flow.tags,
        **({"lastRunExecutionDetails": _last_run(flow.executions[-1])} if flow.executions else {}),
    }


def _last_run(execution: Execution) -> Members:
    return {
        "mostRecentExecutionMessage": execution.message,
        "mostRecentExecutionTime": execution.started_at.timestamp(),
        "mostRecentExecutionStatus": execution.status,
    }
