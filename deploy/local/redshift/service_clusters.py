"""The API of provisioned clusters: where the cluster is, its roles, and temporary passwords for its database."""

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import query_answer
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.redshift.administrator import administrator_secret_arn
from deploy.local.redshift.passwords import DEFAULT_DURATION_SECONDS, TemporaryPasswords
from deploy.local.redshift.provision import Warehouse
from deploy.local.redshift.workgroup import Cluster, database_user

Form = dict[str, str]


class RedshiftClusters:
    """The operations a client needs to log in, and those that set up a cluster that is there already."""

    scope = "redshift"

    def __init__(
        self, warehouse: Warehouse, cluster: Cluster, front_port: Callable[[], int], passwords: TemporaryPasswords
    ) -> None:
        self._warehouse = warehouse
        self._cluster = cluster
        self._front_port = front_port
        self._passwords = passwords
        self._iam_roles: list[str] = []

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        form, action = request.form.to_dict(), request.form.get("Action", "")
        operations = {
            "GetClusterCredentialsWithIAM": self._get_credentials,
            "DescribeClusters": self._describe_clusters,
            "ModifyClusterIamRoles": self._modify_roles,
            "DescribeCustomDomainAssociations": self._describe_custom_domains,
        }
        if action not in operations:
            raise ServiceError("InvalidAction", f"{action}: the stand-in doesn't have this operation")
        return query_answer(action, operations[action](form, caller))

    def _get_credentials(self, form: Form, caller: Caller) -> dict[str, Any]:
        self._check(form, caller)
        if form.get("DbName", self._warehouse.database) != self._warehouse.database:
            raise ServiceError("InvalidParameterValue", f"Database {form['DbName']} does not exist.")
        seconds = int(form.get("DurationSeconds", DEFAULT_DURATION_SECONDS))
        given = self._passwords.give(database_user(caller.principal_arn), seconds)
        return {
            "DbUser": given.user,
            "DbPassword": given.password,
            "Expiration": given.expires_at.isoformat(),
            "NextRefreshTime": given.next_refresh_at.isoformat(),
        }

    def _describe_clusters(self, form: Form, caller: Caller) -> dict[str, Any]:
        self._check(form, caller)
        return {"Clusters": {"Cluster": self._described()}}

    def _modify_roles(self, form: Form, caller: Caller) -> dict[str, Any]:
        self._check(form, caller)
        kept = [arn for arn in self._iam_roles if arn not in _listed(form, "RemoveIamRoles")]
        self._iam_roles = list(dict.fromkeys([*kept, *_listed(form, "AddIamRoles")]))
        return {"Cluster": self._described()}

    def _describe_custom_domains(self, form: Form, _caller: Caller) -> dict[str, Any]:
        # redshift_connector asks for what no address of Redshift's own is, such as localhost; then it does without.
        raise ServiceError(
            "CustomDomainAssociationNotFoundFault", f"There is no domain {form.get('CustomDomainName')}.", 404
        )

    def _described(self) -> dict[str, Any]:
        port, secret_arn = self._front_port(), administrator_secret_arn(self._cluster)
        roles = [{"IamRoleArn": arn, "ApplyStatus": "in-sync"} for arn in self._iam_roles]
        return {
            "ClusterIdentifier": self._cluster.identifier,
            "ClusterStatus": "available",
            "DBName": self._warehouse.database,
            "Endpoint": {"Address": "localhost", "Port": port},
            "IamRoles": {"ClusterIamRole": roles},
            **({"MasterPasswordSecretArn": secret_arn} if secret_arn else {}),
        }

    def _check(self, form: Form, caller: Caller) -> None:
        if not self._cluster.is_named_by(form.get("ClusterIdentifier"), caller):
            raise ServiceError("ClusterNotFound", f"Cluster {form.get('ClusterIdentifier')} not found.", 404)


def _listed(form: Form, member: str) -> list[str]:
    """Return the elements of a list, each of which is a field of its own in the form."""
    return [value for name, value in form.items() if name.startswith(f"{member}.")]
