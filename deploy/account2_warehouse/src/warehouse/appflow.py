"""AppFlow's API: its flows and their executions."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError

from warehouse.definitions import FlowDefinition
from warehouse.errors import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_appflow import AppflowClient
    from mypy_boto3_appflow.type_defs import (
        DescribeFlowExecutionRecordsRequestTypeDef,
        ExecutionRecordTypeDef,
        FlowDefinitionTypeDef,
        ListFlowsRequestTypeDef,
    )

ACTIVE: Final = "Active"
# On a flow that we have stopped to change it, since when: AppFlow itself may deactivate flows too, which looks alike.
STOPPED_TAG: Final = "myapp-stopped-at"
_GONE: Final = "ResourceNotFoundException"
# Nobody can say whether an active flow may be updated, nor what it is refused with.
_UPDATE_REFUSED: Final = frozenset({"ConflictException", "UnsupportedOperationException", "ValidationException"})


@dataclass(frozen=True)
class Execution:
    """One run as AppFlow records it; `rows_delivered` are those that it put, `rows_failed` those that it could not."""

    execution_id: str
    status: str
    started_at: datetime
    ended_at: datetime
    rows_delivered: int
    rows_failed: int
    message: str

    @property
    def is_over(self) -> bool:
        """Whether the record will not change any more."""
        return self.status not in ("InProgress", "CancelStarted")

    @property
    def is_successful(self) -> bool:
        """Whether AppFlow calls it so; records may have failed all the same."""
        return self.status == "Successful"


@dataclass(frozen=True)
class ListedFlow:
    """A flow as ListFlows shows it; `stopped_at` is when we stopped it to change it, if nobody started it since."""

    name: str
    status: str
    stopped_at: datetime | None
    last_message: str

    @property
    def is_active(self) -> bool:
        """Whether it runs at its hour."""
        return self.status == ACTIVE


class Flows:
    """The account's flows. Every method raises TransientError or TerminalError when AppFlow refuses."""

    def __init__(self, client: "AppflowClient") -> None:
        self.client = client

    def create(self, definition: FlowDefinition, token: str) -> bool:
        """Create a flow and return True, or False if one of that name exists; `token` marks repeats."""
        with aws_errors(f"create the flow {definition.name}"):
            try:
                self.client.create_flow(**definition.request, clientToken=token)
            except ClientError as error:
                if error_code(error) != "ConflictException":
                    raise
                return False
        return True

    def describe(self, name: str) -> dict[str, Any] | None:
        """Return a flow as DescribeFlow does, or None when there is none."""
        with aws_errors(f"describe the flow {name}"):
            try:
                return dict(self.client.describe_flow(flowName=name))
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise
                return None

    def start(self, name: str, token: str) -> str | None:
        """Activate a scheduled flow, or run an OnDemand one: then its execution id is returned."""
        with aws_errors(f"start the flow {name}"):
            return self.client.start_flow(flowName=name, clientToken=token).get("executionId")

    def update(self, definition: FlowDefinition) -> None:
        """Replace a flow's definition."""
        with aws_errors(f"update the flow {definition.name}"):
            self.client.update_flow(**definition.request)

    def update_active(self, definition: FlowDefinition, at: datetime) -> None:
        """Replace an active flow's definition; it is stopped meanwhile, from `at` on, if AppFlow refuses otherwise.

        Who dies in between leaves a mark on it, by which it is known that `resume` may start it.
        """
        with aws_errors(f"update the flow {definition.name}"):
            try:
                self.client.update_flow(**definition.request)
            except ClientError as error:
                if error_code(error) not in _UPDATE_REFUSED:
                    raise
            else:
                return
        self._mark_stopped(definition.name, at)
        self.stop(definition.name)
        try:
            self.update(definition)
        finally:  # also when it was the definition that is wrong: the old one goes on
            self.resume(definition.name)

    def resume(self, name: str) -> None:
        """Start a flow that we have stopped, and take our mark off it."""
        self.start(name, uuid4().hex)  # a token of before might make AppFlow repeat its answer and start nothing
        with aws_errors(f"take the mark off the flow {name}"):
            self.client.untag_resource(resourceArn=self._arn(name), tagKeys=[STOPPED_TAG])

    def _mark_stopped(self, name: str, at: datetime) -> None:
        with aws_errors(f"mark the flow {name} as stopped"):
            self.client.tag_resource(resourceArn=self._arn(name), tags={STOPPED_TAG: at.isoformat()})

    def _arn(self, name: str) -> str:
        return self.client.describe_flow(flowName=name)["flowArn"]

    def listed(self) -> Iterator[ListedFlow]:
        """Return every flow of the account, as AppFlow orders them."""
        call: ListFlowsRequestTypeDef = {"maxResults": 100}
        while True:
            with aws_errors("list the flows"):
                page = self.client.list_flows(**call)
            yield from map(_listed, page.get("flows", ()))
            if not (token := page.get("nextToken")):
                return
            call["nextToken"] = token

    def stop(self, name: str) -> None:
        """Deactivate a scheduled flow; one that is not there, or not active, is fine."""
        with aws_errors(f"stop the flow {name}"):
            try:
                self.client.stop_flow(flowName=name)
            except ClientError as error:
                if error_code(error) != _GONE and not self._is_inactive(name):
                    raise

    def _is_inactive(self, name: str) -> bool:
        return self.client.describe_flow(flowName=name).get("flowStatus") != ACTIVE

    def delete(self, name: str) -> None:
        """Delete a flow, whatever its state; one that is not there is fine."""
        with aws_errors(f"delete the flow {name}"):
            try:
                self.client.delete_flow(flowName=name, forceDelete=True)
            except ClientError as error:
                if error_code(error) != _GONE:
                    raise

    def execution(self, name: str, execution_id: str) -> Execution | None:
        """Return a run's record, or None when AppFlow has none (any more)."""
        return next((found for found in self.executions(name) if found.execution_id == execution_id), None)

    def executions(self, name: str) -> Iterator[Execution]:
        """Return the records of a flow's runs, as AppFlow orders them; none if there is no such flow."""
        call: DescribeFlowExecutionRecordsRequestTypeDef = {"flowName": name, "maxResults": 100}
        while True:
            with aws_errors(f"read the runs of the flow {name}"):
                try:
                    page = self.client.describe_flow_execution_records(**call)
                except ClientError as error:
                    if error_code(error) != _GONE:
                        raise
                    return
            yield from map(_execution, page.get("flowExecutions", ()))
            if not (token := page.get("nextToken")):
                return
            call["nextToken"] = token


def stopped_at(tags: dict[str, str]) -> datetime | None:
    """Return since when a flow with these tags is stopped by us to be changed, if it is."""
    return datetime.fromisoformat(tags[STOPPED_TAG]).astimezone(UTC) if STOPPED_TAG in tags else None


def _listed(flow: "FlowDefinitionTypeDef") -> ListedFlow:
    last_run = flow.get("lastRunExecutionDetails", {})
    return ListedFlow(
        name=flow["flowName"],
        status=flow["flowStatus"],
        stopped_at=stopped_at(flow.get("tags", {})),
        last_message=last_run.get("mostRecentExecutionMessage", ""),
    )


def _execution(record: "ExecutionRecordTypeDef") -> Execution:
    result = record.get("executionResult", {})
    errors = result.get("errorInfo", {})
    failed = errors.get("putFailuresCount", 0)
    return Execution(
        execution_id=record["executionId"],
        status=record["executionStatus"],
        started_at=record["startedAt"],
        ended_at=record["lastUpdatedAt"],
        rows_delivered=max(result.get("recordsProcessed", 0) - failed, 0),  # what failed was processed too
        rows_failed=failed,
        message=errors.get("executionMessage", ""),
    )
