"""Redshift Serverless' API: where the workgroup is, and temporary passwords for its database."""

from collections.abc import Callable
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.redshift.administrator import administrator_secret_arn
from deploy.local.redshift.json_protocol import answer, validation_error
from deploy.local.redshift.passwords import DEFAULT_DURATION_SECONDS, TemporaryPasswords
from deploy.local.redshift.provision import Warehouse
from deploy.local.redshift.usage_limits import UsageLimits
from deploy.local.redshift.workgroup import Workgroup, database_user


class RedshiftServerless:
    """The operations a client needs to log in, and those that set up a workgroup that is there already."""

    scope = "redshift-serverless"

    def __init__(
        self, warehouse: Warehouse, workgroup: Workgroup, front_port: Callable[[], int], passwords: TemporaryPasswords
    ) -> None:
        self._warehouse = warehouse
        self._workgroup = workgroup
        self._front_port = front_port
        self._passwords = passwords
        self._iam_roles: list[str] = []
        self._usage_limits = UsageLimits(workgroup)

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        operations = {
            "GetCredentials": self._get_credentials,
            "GetWorkgroup": self._get_workgroup,
            "GetNamespace": self._get_namespace,
            "UpdateNamespace": self._update_namespace,
            **self._usage_limits.operations(),
        }
        return answer(operations, request, caller)

    def _get_credentials(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._check_workgroup(body.get("workgroupName"), caller)
        if body.get("dbName", self._warehouse.database) != self._warehouse.database:
            raise ServiceError("ResourceNotFoundException", f"Database {body['dbName']} does not exist.")
        seconds = body.get("durationSeconds", DEFAULT_DURATION_SECONDS)
        given = self._passwords.give(database_user(caller.principal_arn), seconds)
        return {
            "dbUser": given.user,
            "dbPassword": given.password,
            "expiration": given.expires_at.timestamp(),
            "nextRefreshTime": given.next_refresh_at.timestamp(),
        }

    def _get_workgroup(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        self._check_workgroup(body.get("workgroupName"), caller)
        port = self._front_port()
        workgroup = {
            "workgroupName": self._workgroup.name,
            "workgroupArn": self._workgroup.arn,
            "namespaceName": self._workgroup.namespace,
            "status": "AVAILABLE",
            "port": port,
            "endpoint": {"address": "localhost", "port": port, "vpcEndpoints": []},
            "publiclyAccessible": False,
        }
        return {"workgroup": workgroup}

    def _get_namespace(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        is_here = (caller.account_id, caller.region) == (self._workgroup.account_id, self._workgroup.region)
        if not is_here or body.get("namespaceName") != self._workgroup.namespace:
            raise ServiceError("ResourceNotFoundException", f"Namespace {body.get('namespaceName')} does not exist.")
        secret_arn = administrator_secret_arn(self._workgroup)
        namespace = {
            "namespaceName": self._workgroup.namespace,
            "dbName": self._warehouse.database,
            "status": "AVAILABLE",
            # AWS writes them so, too.
            "iamRoles": [f"IamRole(applyStatus=in-sync, iamRoleArn={arn})" for arn in self._iam_roles],
            **({"adminPasswordSecretArn": secret_arn} if secret_arn else {}),
        }
        return {"namespace": namespace}

    def _update_namespace(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        if unknown := body.keys() - {"namespaceName", "iamRoles"}:
            raise validation_error(f"The stand-in does not change {', '.join(sorted(unknown))} of a namespace.")
        self._get_namespace(body, caller)
        self._iam_roles = list(body.get("iamRoles", self._iam_roles))
        return self._get_namespace(body, caller)

    def _check_workgroup(self, name: str | None, caller: Caller) -> None:
        if not self._workgroup.is_named_by(name, caller):
            raise ServiceError("ResourceNotFoundException", f"Workgroup {name} does not exist.")
