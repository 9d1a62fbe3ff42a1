"""AppFlow's flows as CreateFlow and UpdateFlow take them, filled in from a plan, the account and the moment."""

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from dataflows.contracts.plan import DateWindow, PlannedFlow, schedule_expression
from warehouse.config import FlowConfig

API_VERSION: Final = "v1beta"
FAILURES_UNTIL_DEACTIVATED: Final = 3  # AppFlow's own default is not documented

_DESCRIPTION: Final = "MyApp definition "


@dataclass(frozen=True)
class Source:
    """Where a flow reads: the Google connection, and the entity that stands for the property's core report."""

    connector_profile: str
    entity: str


@dataclass(frozen=True)
class FlowDefinition:
    """A flow's name and everything else that CreateFlow and UpdateFlow have in common."""

    name: str
    content: dict[str, Any]

    @property
    def hash(self) -> str:
        """SHA-256 (hex) of name and content."""
        canonical = json.dumps([self.name, self.content], sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    @property
    def description(self) -> str:
        """What the flow is described as: its hash, so that one DescribeFlow tells whether anything changed."""
        return _DESCRIPTION + self.hash

    @property
    def request(self) -> dict[str, Any]:
        """The call's members, without a client token."""
        return {"flowName": self.name, "description": self.description, **self.content}


def scheduled(
    config: FlowConfig, planned: PlannedFlow, source: Source, window: DateWindow, due_at: datetime
) -> FlowDefinition:
    """Return the flow that AppFlow runs daily at `due_at`'s time of day over `window`."""
    schedule = {
        "scheduleExpression": schedule_expression(due_at),
        "dataPullMode": "Complete",
        "flowErrorDeactivationThreshold": FAILURES_UNTIL_DEACTIVATED,
    }
    trigger = {"triggerType": "Scheduled", "triggerProperties": {"Scheduled": schedule}}
    return FlowDefinition(planned.appflow_flow_name, _content(config, planned, source, window, trigger))


def on_demand(
    config: FlowConfig, planned: PlannedFlow, source: Source, window: DateWindow, name: str
) -> FlowDefinition:
    """Return the flow `name` that runs once, when it is started, over `window`."""
    return FlowDefinition(name, _content(config, planned, source, window, {"triggerType": "OnDemand"}))


def _content(
    config: FlowConfig, planned: PlannedFlow, source: Source, window: DateWindow, trigger: dict[str, Any]
) -> dict[str, Any]:
    return {
        "triggerConfig": trigger,
        "sourceFlowConfig": {
            "connectorType": "CustomConnector",
            "apiVersion": API_VERSION,
            "connectorProfileName": source.connector_profile,
            "sourceConnectorProperties": {"CustomConnector": {"entityName": source.entity}},
        },
        "destinationFlowConfigList": [_destination(config, planned)],
        "tasks": planned.tasks_for(window),
    }


def _destination(config: FlowConfig, planned: PlannedFlow) -> dict[str, Any]:
    prefix = planned.appflow_flow_name
    return {
        "connectorType": "Redshift",
        "connectorProfileName": config.warehouse_connector_profile,
        "destinationConnectorProperties": {
            "Redshift": {
                "object": planned.landing_table,
                "intermediateBucketName": config.intermediate_bucket,
                "bucketPrefix": prefix,
                "errorHandlingConfig": {
                    "failOnFirstDestinationError": False,
                    "bucketName": config.error_bucket,
                    "bucketPrefix": prefix,
                },
            }
        },
    }
