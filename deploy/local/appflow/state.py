"""What AppFlow knows, in plain values: connector profiles, flows, and the records of their runs."""

import os
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from pydantic import TypeAdapter

from deploy.local.redshift.workgroup import database_user
from deploy.local.scheduler.client_tokens import Tokens

ACTIVE: Final = "Active"
DRAFT: Final = "Draft"
SUSPENDED: Final = "Suspended"

IN_PROGRESS: Final = "InProgress"
SUCCESSFUL: Final = "Successful"
ERROR: Final = "Error"
CANCEL_STARTED: Final = "CancelStarted"
CANCELED: Final = "Canceled"
RUNNING: Final = frozenset({IN_PROGRESS, CANCEL_STARTED})


@dataclass
class ConnectorProfile:
    """Stored access to a source or a destination; `properties` and `credentials` are the connector's own members."""

    name: str
    arn: str
    connector_type: str
    connector_label: str | None
    connection_mode: str
    properties: dict[str, Any]
    credentials: dict[str, Any] = field(repr=False)
    created_at: datetime
    updated_at: datetime

    @property
    def oauth(self) -> dict[str, str]:
        """The OAuth credentials of a custom connector; a fresh access token is stored into them."""
        found: dict[str, str] = self.credentials["CustomConnector"]["oauth2"]
        return found

    @property
    def redshift(self) -> dict[str, Any]:
        """The properties of a Redshift profile."""
        found: dict[str, Any] = self.properties["Redshift"]
        return found

    @property
    def database_user(self) -> str:
        """Who a Redshift profile is in the database: in a workgroup its role's user, in a cluster whom it names."""
        if self.redshift.get("isRedshiftServerless"):
            return database_user(self.redshift["dataApiRoleArn"])
        return str(self.credentials["Redshift"]["username"])


@dataclass
class Execution:
    """The record of one run; `records_processed` counts what was sent to the destination, failed records included."""

    execution_id: str
    started_at: datetime
    updated_at: datetime
    status: str = IN_PROGRESS
    message: str = ""
    records_processed: int = 0
    records_filtered: int = 0
    put_failures: int = 0
    bytes_processed: int = 0
    bytes_written: int = 0


@dataclass
class Flow:
    """A flow: `definition` holds the members of CreateFlow or of the last UpdateFlow."""

    account_id: str
    region: str
    definition: dict[str, Any]
    status: str
    created_at: datetime
    updated_at: datetime
    created_by: str
    updated_by: str
    tags: dict[str, str]
    status_message: str = ""
    activated_at: datetime | None = None
    consecutive_failures: int = 0
    executions: list[Execution] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its name, unique in its account and region."""
        return str(self.definition["flowName"])

    @property
    def arn(self) -> str:
        """Its ARN."""
        return flow_arn(self.account_id, self.region, self.name)

    @property
    def is_scheduled(self) -> bool:
        """Whether it runs by the clock; otherwise it is OnDemand."""
        return bool(self.definition["triggerConfig"]["triggerType"] == "Scheduled")

    @property
    def schedule(self) -> dict[str, Any]:
        """The members of its schedule; none if it is OnDemand."""
        found: dict[str, Any] = self.definition["triggerConfig"].get("triggerProperties", {}).get("Scheduled", {})
        return found

    @property
    def source(self) -> dict[str, Any]:
        """Its source: connector profile and entity."""
        found: dict[str, Any] = self.definition["sourceFlowConfig"]
        return found

    @property
    def entity_name(self) -> str:
        """The entity it reads."""
        return str(self.source["sourceConnectorProperties"]["CustomConnector"]["entityName"])

    @property
    def destination(self) -> dict[str, Any]:
        """Its only destination."""
        found: dict[str, Any] = self.definition["destinationFlowConfigList"][0]
        return found

    @property
    def redshift(self) -> dict[str, Any]:
        """The members of the Redshift destination: table, buckets, error handling."""
        found: dict[str, Any] = self.destination["destinationConnectorProperties"]["Redshift"]
        return found

    def running(self) -> list[Execution]:
        """Return the records of runs that are not over."""
        return [one for one in self.executions if one.status in RUNNING]


@dataclass
class AppFlowRegion:
    """What one account has in one region, by name."""

    flows: dict[str, Flow] = field(default_factory=dict)
    profiles: dict[str, ConnectorProfile] = field(default_factory=dict)
    tokens: Tokens = field(default_factory=dict)


# By account and region, as `111111111111/us-east-1`: JSON has no other keys.
State = dict[str, AppFlowRegion]
_ADAPTER: Final = TypeAdapter(State)


def flow_arn(account_id: str, region: str, name: str) -> str:
    """Return the ARN of a flow."""
    return f"arn:aws:appflow:{region}:{account_id}:flow/{name}"


def write_state(state: State, path: Path) -> None:
    """Replace a file by the state, readable by its owner only: the profiles' tokens are in it."""
    fresh = path.with_suffix(f".{os.getpid()}.tmp")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(_ADAPTER.dump_json(state))
    fresh.replace(path)


def read_state(path: Path) -> State:
    """Return the state of a file. Raises FileNotFoundError, or pydantic's ValidationError for another kind of file."""
    return _ADAPTER.validate_json(path.read_bytes())
