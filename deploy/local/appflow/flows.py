"""The operations on flows. Each is called with the state's lock held, after `flow_rules` found nothing wrong."""

from typing import Any, Final

from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import conflict, not_found
from deploy.local.appflow.flow_answers import describe_flow, execution_record, list_flow
from deploy.local.appflow.runner import Runner
from deploy.local.appflow.state import (
    ACTIVE,
    CANCEL_STARTED,
    DRAFT,
    IN_PROGRESS,
    SUSPENDED,
    AppFlowRegion,
    Flow,
)
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.scheduler import client_tokens
from deploy.local.scheduler.rest_json import page
from deploy.local.scheduler.service_model import Members, validation_error

_PAGE_SIZE: Final = 20
_MOST_TAGS: Final = 50


class Flows:
    """The flows of one account in one region."""

    def __init__(self, environment: Environment, runner: Runner, region: AppFlowRegion) -> None:
        self._environment = environment
        self._runner = runner
        self._region = region

    def check_new(self, name: str) -> None:
        """Raise ServiceError when there is a flow of that name, or no room for another."""
        if name in self._region.flows:
            raise conflict(f"A flow with the name {name} exists.")
        most = self._environment.settings.max_flows
        if len(self._region.flows) >= most:
            raise ServiceError("ServiceQuotaExceededException", f"The account has its {most} flows.", 402)

    def create(self, members: Members, caller: Caller) -> Members:
        """Carry out CreateFlow: an OnDemand flow is active at once, a scheduled one when it is started."""
        self.check_new(members["flowName"])
        now = self._environment.clock.now()
        flow = Flow(
            account_id=caller.account_id,
            region=caller.region,
            definition=_definition(members),
            status=DRAFT,
            created_at=now,
            updated_at=now,
            created_by=caller.principal_arn,
            updated_by=caller.principal_arn,
            tags=members.get("tags", {}),
        )
        flow.status = DRAFT if flow.is_scheduled else ACTIVE
        self._region.flows[flow.name] = flow
        return {"flowArn": flow.arn, "flowStatus": flow.status}

    def check_updatable(self, name: str) -> None:
        """Raise ServiceError when there is no such flow, or it is active and that stands in the way."""
        flow = self.find(name)
        is_active = flow.is_scheduled and flow.status == ACTIVE
        is_refused = not self._environment.settings.update_active_flow_allowed
        if is_active and (is_refused or self._environment.faults.take_refused_update()):
            raise conflict(f"The flow {name} is active: stop it, update it and start it again.")

    def update(self, members: Members, caller: Caller) -> Members:
        """Carry out UpdateFlow: the whole definition is replaced; what came due before runs by the old one."""
        self.check_updatable(members["flowName"])
        flow, now = self.find(members["flowName"]), self._environment.clock.now()
        self._runner.start_due(flow, self._region, now)
        was_scheduled, kept = flow.is_scheduled, {"kmsArn": flow.definition.get("kmsArn")}
        flow.definition = {**{name: value for name, value in kept.items() if value}, **_definition(members)}
        if flow.is_scheduled != was_scheduled:
            flow.status = DRAFT if flow.is_scheduled else ACTIVE
        flow.updated_at, flow.updated_by = now, caller.principal_arn
        self._runner.schedule(flow, now)
        return {"flowStatus": flow.status}

    def describe(self, members: Members) -> Members:
        """Carry out DescribeFlow."""
        return describe_flow(self.find(members["flowName"]))

    def list(self, members: Members) -> Members:
        """Carry out ListFlows."""
        flows = [self._region.flows[name] for name in sorted(self._region.flows)]
        shown, more = page(flows, members.get("nextToken"), members.get("maxResults", _PAGE_SIZE))
        return {"flows": [list_flow(one) for one in shown], **more}

    def delete(self, members: Members) -> Members:
        """Carry out DeleteFlow. Raises ServiceError ConflictException while the flow is in use, unless forced."""
        flow = self.find(members["flowName"])
        is_in_use = flow.running() or (flow.is_scheduled and flow.status == ACTIVE)
        if is_in_use and not members.get("forceDelete"):
            raise conflict(f"The flow {flow.name} is in use: stop it first, or force its deletion.")
        self._runner.forget(flow)
        del self._region.flows[flow.name]
        client_tokens.forget_subject(self._region.tokens, flow.name)
        return {}

    def start(self, members: Members) -> Members:
        """Carry out StartFlow: run an OnDemand flow, activate a scheduled one."""
        flow, now = self.find(members["flowName"]), self._environment.clock.now()
        if not flow.is_scheduled:
            if flow.running():
                raise conflict(f"A run of the flow {flow.name} is in progress.")
            execution = self._runner.start(flow, self._region)
            return {"flowArn": flow.arn, "flowStatus": flow.status, "executionId": execution.execution_id}
        if flow.status != ACTIVE:
            flow.status, flow.status_message = ACTIVE, ""
            flow.activated_at, flow.consecutive_failures = now, 0
            self._runner.schedule(flow, now)
        return {"flowArn": flow.arn, "flowStatus": flow.status}

    def stop(self, members: Members) -> Members:
        """Carry out StopFlow: deactivate a scheduled flow; a run at work goes on."""
        flow, now = self.find(members["flowName"]), self._environment.clock.now()
        if not flow.is_scheduled:
            message = f"The flow {flow.name} is OnDemand: only a scheduled flow can be stopped."
            raise ServiceError("UnsupportedOperationException", message)
        self._runner.start_due(flow, self._region, now)
        if flow.status == ACTIVE:
            flow.status = SUSPENDED
            self._runner.schedule(flow, now)
        return {"flowArn": flow.arn, "flowStatus": flow.status}

    def execution_records(self, members: Members) -> Members:
        """Carry out DescribeFlowExecutionRecords, the latest run first."""
        flow = self.find(members["flowName"])
        newest_first = flow.executions[::-1]
        shown, more = page(newest_first, members.get("nextToken"), members.get("maxResults", _PAGE_SIZE))
        return {"flowExecutions": [execution_record(one) for one in shown], **more}

    def cancel_executions(self, members: Members) -> Members:
        """Carry out CancelFlowExecutions: the runs named, or all; those that are over come back as invalid."""
        flow = self.find(members["flowName"])
        running = {one.execution_id: one for one in flow.executions if one.status == IN_PROGRESS}
        wanted = members.get("executionIds") or list(running)
        for execution_id in wanted:
            if execution_id in running:
                running[execution_id].status = CANCEL_STARTED
        return {"invalidExecutions": [one for one in wanted if one not in running]}

    def tag(self, members: Members) -> Members:
        """Carry out TagResource on a flow."""
        flow = self._find_by_arn(members["resourceArn"])
        tags = {**flow.tags, **members["tags"]}
        if len(tags) > _MOST_TAGS:
            raise validation_error(f"A resource has at most {_MOST_TAGS} tags.")
        flow.tags = tags
        return {}

    def untag(self, members: Members) -> Members:
        """Carry out UntagResource on a flow."""
        flow = self._find_by_arn(members["resourceArn"])
        flow.tags = {key: value for key, value in flow.tags.items() if key not in members["tagKeys"]}
        return {}

    def list_tags(self, members: Members) -> Members:
        """Carry out ListTagsForResource on a flow."""
        return {"tags": self._find_by_arn(members["resourceArn"]).tags}

    def find(self, name: str) -> Flow:
        """Return a flow. Raises ServiceError ResourceNotFoundException."""
        if name not in self._region.flows:
            raise not_found("flow", name)
        return self._region.flows[name]

    def _find_by_arn(self, arn: str) -> Flow:
        found = next((flow for flow in self._region.flows.values() if flow.arn == arn), None)
        if found is None:
            raise not_found("resource", arn)
        return found


def _definition(members: Members) -> dict[str, Any]:
    return {name: value for name, value in members.items() if name not in ("clientToken", "tags")}
