"""AppFlow's operations, each from a checked request to its answer.

What looks outside (Google, the warehouse, S3) is done without the lock, so that nobody waits for it.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final

from deploy.local.appflow import profiles
from deploy.local.appflow.entities import describe_fields, find_entity, list_entities
from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import ConnectorError
from deploy.local.appflow.flow_rules import check_flow
from deploy.local.appflow.flows import Flows
from deploy.local.appflow.runner import Runner
from deploy.local.appflow.state import AppFlowRegion, ConnectorProfile, State
from deploy.local.aws.service import Caller
from deploy.local.scheduler import client_tokens
from deploy.local.scheduler.rest_json import Operation, page
from deploy.local.scheduler.service_model import Members, validation_error

_MOST_ENTITIES: Final = 10_000


class AppFlowApi:
    """The operations on the state; `lock` guards it."""

    def __init__(
        self, environment: Environment, runner: Runner, state: State, lock: AbstractContextManager[object]
    ) -> None:
        self._environment = environment
        self._runner = runner
        self._state = state
        self._lock = lock

    def operations(self) -> dict[str, Operation]:
        """Return every operation by its name in the service model."""
        return {
            "CreateConnectorProfile": self._create_profile,
            "UpdateConnectorProfile": self._update_profile,
            "DescribeConnectorProfiles": self._describe_profiles,
            "DeleteConnectorProfile": self._delete_profile,
            "ListConnectorEntities": self._list_entities,
            "DescribeConnectorEntity": self._describe_entity,
            "CreateFlow": self._create_flow,
            "UpdateFlow": self._update_flow,
            "StartFlow": self._start_flow,
            "StopFlow": self._on_flows(Flows.stop),
            "DescribeFlow": self._on_flows(Flows.describe),
            "DeleteFlow": self._on_flows(Flows.delete),
            "ListFlows": self._on_flows(Flows.list),
            "DescribeFlowExecutionRecords": self._on_flows(Flows.execution_records),
            "CancelFlowExecutions": self._on_flows(Flows.cancel_executions),
            "TagResource": self._on_flows(Flows.tag),
            "UntagResource": self._on_flows(Flows.untag),
            "ListTagsForResource": self._on_flows(Flows.list_tags),
        }

    def _create_profile(self, members: Members, caller: Caller) -> Members:
        region, now = self._region(caller), self._environment.clock.now()
        profiles.check_new(self._environment, region, members["connectorProfileName"])
        profile = profiles.new_profile(members, caller, now)
        profiles.check_profile(self._environment, profile)
        with self._lock:
            profiles.check_new(self._environment, region, profile.name)
            return self._store(region, profile)

    def _update_profile(self, members: Members, caller: Caller) -> Members:
        region = self._region(caller)
        profile = profiles.changed_profile(region, members, self._environment.clock.now())
        profiles.check_profile(self._environment, profile)
        with self._lock:
            return self._store(region, profile)

    def _store(self, region: AppFlowRegion, profile: ConnectorProfile) -> Members:
        region.profiles[profile.name] = profile
        return {"connectorProfileArn": profile.arn}

    def _describe_profiles(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            return profiles.describe_profiles(self._region(caller), members)

    def _delete_profile(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            return profiles.delete_profile(self._region(caller), members)

    def _list_entities(self, members: Members, caller: Caller) -> Members:
        profile = self._google_profile(members, caller)
        try:
            with self._environment.google(profile) as google:
                groups = list_entities(google, members.get("entitiesPath"))
        except ConnectorError as error:
            raise error.as_service_error() from error
        pairs = [(group, entity) for group, entities in groups.items() for entity in entities]
        shown, more = page(pairs, members.get("nextToken"), members.get("maxResults", _MOST_ENTITIES))
        listed = {group: [entity for of_group, entity in shown if of_group == group] for group in groups}
        return {"connectorEntityMap": listed, **more}

    def _describe_entity(self, members: Members, caller: Caller) -> Members:
        profile = self._google_profile(members, caller)
        try:
            with self._environment.google(profile) as google:
                fields = describe_fields(google, find_entity(google, members["connectorEntityName"]))
        except ConnectorError as error:
            raise error.as_service_error() from error
        return {"connectorEntityFields": [field.as_json() for field in fields.values()]}

    def _google_profile(self, members: Members, caller: Caller) -> ConnectorProfile:
        if members.get("connectorType", profiles.CUSTOM) != profiles.CUSTOM:
            raise validation_error(f"The local AppFlow lists entities of {profiles.CUSTOM} only.")
        if members.get("apiVersion", profiles.API_VERSION) != profiles.API_VERSION:
            raise validation_error(f"The connector has no apiVersion {members['apiVersion']}.")
        return profiles.find_profile(self._region(caller), members.get("connectorProfileName"), profiles.CUSTOM)

    def _create_flow(self, members: Members, caller: Caller) -> Members:
        name, region = members["flowName"], self._region(caller)
        with self._lock:
            if (earlier := self._earlier("CreateFlow", members, caller)) is not None:
                return earlier
            self._flows(caller).check_new(name)
        check_flow(self._environment, region, members, caller)
        with self._lock:
            return self._remember("CreateFlow", members, caller, self._flows(caller).create(members, caller))

    def _update_flow(self, members: Members, caller: Caller) -> Members:
        with self._lock:
            if (earlier := self._earlier("UpdateFlow", members, caller)) is not None:
                return earlier
            self._flows(caller).check_updatable(members["flowName"])
        check_flow(self._environment, self._region(caller), members, caller)
        with self._lock:
            return self._remember("UpdateFlow", members, caller, self._flows(caller).update(members, caller))

    def _start_flow(self, members: Members, caller: Caller) -> Members:
        # Its token counts for one flow: AWS accepts it again for another OnDemand flow.
        operation = f"StartFlow {members['flowName']}"
        with self._lock:
            if (earlier := self._earlier(operation, members, caller)) is not None:
                return earlier
            return self._remember(operation, members, caller, self._flows(caller).start(members))

    def _earlier(self, operation: str, members: Members, caller: Caller) -> Members | None:
        tokens, now = self._region(caller).tokens, self._environment.clock.now()
        return client_tokens.earlier_answer(tokens, operation, members.get("clientToken"), members, now)

    def _remember(self, operation: str, members: Members, caller: Caller, answer: Members) -> Members:
        tokens, now = self._region(caller).tokens, self._environment.clock.now()
        token, subject = members.get("clientToken"), members["flowName"]
        client_tokens.remember(tokens, operation, token, members, subject, answer, now)
        return answer

    def _on_flows(self, method: Callable[[Flows, Members], Members]) -> Operation:
        def operation(members: Members, caller: Caller) -> Members:
            with self._lock:
                return method(self._flows(caller), members)

        return operation

    def _flows(self, caller: Caller) -> Flows:
        return Flows(self._environment, self._runner, self._region(caller))

    def _region(self, caller: Caller) -> AppFlowRegion:
        with self._lock:
            return self._state.setdefault(f"{caller.account_id}/{caller.region}", AppFlowRegion())
