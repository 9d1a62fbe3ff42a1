"""`python -m deploy.account2_warehouse.bootstrap <environment>`: what the warehouse needs once, beyond its templates.

The roles that Redshift reads and unloads with, attached to the namespace; a limit of use, for which CloudFormation has
no type; and bootstrap.sql, run by the Data API as the administrator. What is there already is left alone.
"""

import re
import string
import sys
import time
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.account2_warehouse.environment import Say, Warehouse, run
from deploy.stacks.errors import DeployError

SCRIPT: Final = Path(__file__).with_name("bootstrap.sql")
USERS: Final = {
    "ddl_user": "DdlUser",
    "ingest_user": "IngestUser",
    "refresh_user": "RefreshUser",
    "unload_user": "UnloadUser",
    "register_user": "RegisterUser",
    "watch_user": "WatchUser",
    "advance_user": "AdvanceUser",
    "retry_user": "RetryUser",
    "status_user": "StatusUser",
}
# Where they stand in bootstrap.sql as texts: a role, or the chain that an UNLOAD names.
ROLES: Final = {"copy_role": "AppFlowCopyRoleArn", "unload_role_chain": "UnloadRoleChain"}
_ATTACHED: Final = ("AppFlowCopyRoleArn", "RedshiftUnloadRoleArn")
_NEW_USER: Final = re.compile(r'CREATE USER "([^"]+)"')
# GetNamespace gives roles as text: "IamRole(applyStatus=in-sync, iamRoleArn=arn:aws:iam::…:role/name)".
_ROLE_ARN: Final = re.compile(r"arn:[\w-]+:iam::\d{12}:role/[\w+=,.@/-]+")
_FINAL: Final = frozenset({"FINISHED", "FAILED", "ABORTED"})
_WAIT_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 1.0


def bootstrap(warehouse: Warehouse, say: Say) -> None:
    """Bring the warehouse to where the first registration can begin; tell what was done.

    Raises DeployError if the administrator's secret is not known, or a statement fails.
    """
    serverless, workgroup = warehouse.client("redshift-serverless"), warehouse.output("WorkgroupName")
    found = serverless.get_workgroup(workgroupName=workgroup)["workgroup"]
    namespace = serverless.get_namespace(namespaceName=found["namespaceName"])["namespace"]
    say(f"roles: {_attach(serverless, namespace, [warehouse.output(name) for name in _ATTACHED])}")
    if "DailyUnitHours" in warehouse.outputs:
        say(f"limit of use: {_limit(serverless, found['workgroupArn'], int(warehouse.output('DailyUnitHours')))}")
    database = warehouse.output("DatabaseName")
    data = DataApi(warehouse.client("redshift-data"), workgroup, database, _secret(namespace))
    say(f"database users: {_make_users(data, bootstrap_statements(warehouse.outputs, database))}")


def bootstrap_statements(outputs: Mapping[str, str], database: str) -> list[str]:
    """Return bootstrap.sql's statements, with the users and roles that the stack's outputs name. Raises DeployError."""
    if missing := [output for output in (*USERS.values(), *ROLES.values()) if not outputs.get(output)]:
        raise DeployError(f"No stack of Account 2 gives {', '.join(missing)} yet. Run make -C deploy deploy-account2.")
    names = {name: _quoted(outputs[output]) for name, output in USERS.items()}
    roles = {name: "'" + outputs[output].replace("'", "''") + "'" for name, output in ROLES.items()}
    lines = [line for line in SCRIPT.read_text().splitlines() if not line.startswith("--")]
    text = string.Template("\n".join(lines)).substitute(names, **roles, database=_quoted(database))
    return [statement.strip() for statement in text.split(";") if statement.strip()]


@dataclass(frozen=True)
class DataApi:
    """Redshift's Data API as the administrator whose secret is named."""

    client: Any
    workgroup: str
    database: str
    secret_arn: str

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction. Raises DeployError with Redshift's own words if one fails."""
        self._finished(self.client.batch_execute_statement(Sqls=list(statements), **self._target)["Id"])

    def texts(self, query: str) -> set[str]:
        """Return the first column of a query's rows. Raises DeployError if it fails."""
        statement = self._finished(self.client.execute_statement(Sql=query, **self._target)["Id"])
        pages = self.client.get_paginator("get_statement_result").paginate(Id=statement)
        return {str(record[0].get("stringValue", "")) for page in pages for record in page["Records"]}

    @property
    def _target(self) -> dict[str, str]:
        return {"WorkgroupName": self.workgroup, "Database": self.database, "SecretArn": self.secret_arn}

    def _finished(self, statement: str) -> str:
        until = time.monotonic() + _WAIT_SECONDS
        while (answer := self.client.describe_statement(Id=statement))["Status"] not in _FINAL:
            if time.monotonic() > until:
                raise DeployError(f"The warehouse has not answered for {_WAIT_SECONDS:.0f} s. Run this again later.")
            time.sleep(_PAUSE_SECONDS)
        if answer["Status"] != "FINISHED":
            raise DeployError(f"Redshift refused a statement: {answer.get('Error', answer['Status'])}")
        return statement


def _attach(serverless: Any, namespace: Mapping[str, Any], wanted: Iterable[str]) -> str:
    there = list(dict.fromkeys(_ROLE_ARN.findall(" ".join(namespace.get("iamRoles", ())))))
    if not (missing := [arn for arn in wanted if arn not in there]):
        return "as they were"
    # The list replaces the one that is there.
    serverless.update_namespace(namespaceName=namespace["namespaceName"], iamRoles=[*there, *missing])
    return f"attached {', '.join(arn.rpartition('/')[2] for arn in missing)}"


def _limit(serverless: Any, workgroup_arn: str, unit_hours: int) -> str:
    wanted = {"amount": unit_hours, "breachAction": "deactivate"}
    found = next(_daily_limits(serverless, workgroup_arn), None)
    if found is None:
        kind = {"resourceArn": workgroup_arn, "usageType": "serverless-compute", "period": "daily"}
        serverless.create_usage_limit(**kind, **wanted)
        return f"made, {unit_hours} unit hours a day"
    if all(found[name] == value for name, value in wanted.items()):
        return "as it was"
    serverless.update_usage_limit(usageLimitId=found["usageLimitId"], **wanted)
    return f"changed to {unit_hours} unit hours a day"


def _daily_limits(serverless: Any, workgroup_arn: str) -> Iterator[dict[str, Any]]:
    answer = serverless.list_usage_limits(resourceArn=workgroup_arn, usageType="serverless-compute")
    yield from (one for one in answer["usageLimits"] if one["period"] == "daily")


def _secret(namespace: Mapping[str, Any]) -> str:
    if not (arn := namespace.get("adminPasswordSecretArn")):
        raise DeployError(
            f"The namespace {namespace['namespaceName']} does not keep its administrator's password in Secrets Manager."
            " Let it (Redshift Serverless, namespace, change the administrator's password) and run this again,"
            f" or run {SCRIPT.name} yourself as an administrator."
        )
    return str(arn)


def left_to_do(statements: Iterable[str], users: Container[str]) -> list[str]:
    """Return bootstrap.sql's statements without those that make users who are there.

    Rights are granted and revoked each time: what is so already changes nothing.
    """
    return [sql for sql in statements if not ((new := _NEW_USER.match(sql)) and new[1] in users)]


def _make_users(data: DataApi, statements: Sequence[str]) -> str:
    todo = left_to_do(statements, data.texts("SELECT user_name FROM svv_user_info"))
    data.execute(todo)
    made = [new[1] for sql in todo if (new := _NEW_USER.match(sql))]
    return f"made {', '.join(made)}" if made else "as they were"


def _quoted(name: str) -> str:
    """Return a name as SQL takes it whatever is in it; users of IAM roles hold a colon."""
    return '"' + name.replace('"', '""') + '"'


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], "deploy.account2_warehouse.bootstrap", bootstrap))
