"""The two kinds of Redshift that the warehouse may be in: what each is told and asked to set it up."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from deploy.account2_warehouse.environment import Warehouse
from deploy.stacks.errors import DeployError

# GetNamespace gives roles as text: "IamRole(applyStatus=in-sync, iamRoleArn=arn:aws:iam::…:role/name)".
_ROLE_ARN: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")


class Redshift(Protocol):
    """A workgroup or a cluster."""

    @property
    def statement_target(self) -> Mapping[str, str]:
        """The member with which the Data API is told where a statement runs."""
        ...

    def attach(self, wanted: Sequence[str]) -> list[str]:
        """Let it take on these roles, besides those that it may already; return the ARNs of the new ones."""
        ...

    def limit(self, unit_hours: int) -> str:
        """Limit its use to so many unit hours a day, and say what was done."""
        ...

    def administrator_secret(self) -> str:
        """Return the ARN of the secret with its administrator's password. Raises DeployError if AWS keeps none."""
        ...


@dataclass(frozen=True)
class Workgroup:
    """A Redshift Serverless workgroup, and its namespace, by the API's client."""

    serverless: Any
    name: str

    @property
    def statement_target(self) -> Mapping[str, str]:
        """The workgroup's name."""
        return {"WorkgroupName": self.name}

    def attach(self, wanted: Sequence[str]) -> list[str]:
        """Attach roles to the namespace, whose list of them is replaced as a whole."""
        namespace = self._namespace()
        there = list(dict.fromkeys(_ROLE_ARN.findall(" ".join(namespace.get("iamRoles", ())))))
        if missing := [arn for arn in wanted if arn not in there]:
            self.serverless.update_namespace(namespaceName=namespace["namespaceName"], iamRoles=[*there, *missing])
        return missing

    def limit(self, unit_hours: int) -> str:
        """Make the daily limit, or change it to be so."""
        wanted = {"amount": unit_hours, "breachAction": "deactivate"}
        arn = self._found()["workgroupArn"]
        found = next(self._daily_limits(arn), None)
        if found is None:
            kind = {"resourceArn": arn, "usageType": "serverless-compute", "period": "daily"}
            self.serverless.create_usage_limit(**kind, **wanted)
            return f"made, {unit_hours} unit hours a day"
        if all(found[name] == value for name, value in wanted.items()):
            return "as it was"
        self.serverless.update_usage_limit(usageLimitId=found["usageLimitId"], **wanted)
        return f"changed to {unit_hours} unit hours a day"

    def administrator_secret(self) -> str:
        """Return the namespace's."""
        namespace = self._namespace()
        if not (arn := namespace.get("adminPasswordSecretArn")):
            raise _no_secret(f"namespace {namespace['namespaceName']}", "Redshift Serverless, namespace")
        return str(arn)

    def _found(self) -> dict[str, Any]:
        return dict(self.serverless.get_workgroup(workgroupName=self.name)["workgroup"])

    def _namespace(self) -> dict[str, Any]:
        return dict(self.serverless.get_namespace(namespaceName=self._found()["namespaceName"])["namespace"])

    def _daily_limits(self, arn: str) -> Iterator[dict[str, Any]]:
        answer = self.serverless.list_usage_limits(resourceArn=arn, usageType="serverless-compute")
        yield from (one for one in answer["usageLimits"] if one["period"] == "daily")


@dataclass(frozen=True)
class Cluster:
    """A provisioned cluster, by the API's client."""

    redshift: Any
    identifier: str

    @property
    def statement_target(self) -> Mapping[str, str]:
        """The cluster's identifier."""
        return {"ClusterIdentifier": self.identifier}

    def attach(self, wanted: Sequence[str]) -> list[str]:
        """Attach roles to the cluster."""
        there = {role["IamRoleArn"] for role in self._found().get("IamRoles", ())}
        if missing := [arn for arn in wanted if arn not in there]:
            self.redshift.modify_cluster_iam_roles(ClusterIdentifier=self.identifier, AddIamRoles=missing)
        return missing

    def limit(self, unit_hours: int) -> str:  # noqa: ARG002 - of a cluster's price no statement has a part
        """Leave it: a cluster costs the same whether it works or not."""
        return "none, a cluster has no unit hours"

    def administrator_secret(self) -> str:
        """Return the cluster's."""
        if not (arn := self._found().get("MasterPasswordSecretArn")):
            raise _no_secret(f"cluster {self.identifier}", "aws redshift modify-cluster --manage-master-password")
        return str(arn)

    def _found(self) -> dict[str, Any]:
        return dict(self.redshift.describe_clusters(ClusterIdentifier=self.identifier)["Clusters"][0])


def redshift_of(warehouse: Warehouse) -> Redshift:
    """Return what the stacks' outputs name. Raises DeployError if they name nothing yet."""
    if identifier := warehouse.outputs.get("ClusterIdentifier"):
        return Cluster(warehouse.client("redshift"), identifier)
    return Workgroup(warehouse.client("redshift-serverless"), warehouse.output("WorkgroupName"))


def _no_secret(owner: str, way: str) -> DeployError:
    return DeployError(
        f"The {owner} does not keep its administrator's password in Secrets Manager. Let it ({way}: manage the"
        " administrator's password) and run this again, or run bootstrap.sql yourself as an administrator."
    )
