"""`python -m deploy.account2_warehouse.bootstrap <environment>`: what the warehouse needs once, beyond its templates.

The roles that Redshift reads and unloads with, attached to the namespace or cluster; a limit of use, for which
CloudFormation has no type; and bootstrap.sql, run by the Data API as the administrator. What is there already is left
alone.
"""

import re
import string
import sys
import time
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.account2_warehouse.environment import Say, Warehouse, run
from deploy.account2_warehouse.redshift import redshift_of
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
_FINAL: Final = frozenset({"FINISHED", "FAILED", "ABORTED"})
_WAIT_SECONDS: Final = 300.0
_PAUSE_SECONDS: Final = 1.0


def bootstrap(warehouse: Warehouse, say: Say) -> None:
    """Bring the warehouse to where the first registration can begin; tell what was done.

    Raises DeployError if the administrator's secret is not known, or a statement fails.
    """
    redshift, database = redshift_of(warehouse), warehouse.output("DatabaseName")
    say(f"roles: {_attached(redshift.attach([warehouse.output(name) for name in _ATTACHED]))}")
    if "DailyUnitHours" in warehouse.outputs:
        say(f"limit of use: {redshift.limit(int(warehouse.output('DailyUnitHours')))}")
    target = {**redshift.statement_target, "Database": database, "SecretArn": redshift.administrator_secret()}
    data = DataApi(warehouse.client("redshift-data"), target)
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
    """Redshift's Data API; `target` says where statements run, and names the secret of the user they run as."""

    client: Any
    target: Mapping[str, str]

    def execute(self, statements: Sequence[str]) -> None:
        """Run statements in one transaction. Raises DeployError with Redshift's own words if one fails."""
        self._finished(self.client.batch_execute_statement(Sqls=list(statements), **self.target)["Id"])

    def texts(self, query: str) -> set[str]:
        """Return the first column of a query's rows. Raises DeployError if it fails."""
        statement = self._finished(self.client.execute_statement(Sql=query, **self.target)["Id"])
        pages = self.client.get_paginator("get_statement_result").paginate(Id=statement)
        return {str(record[0].get("stringValue", "")) for page in pages for record in page["Records"]}

    def _finished(self, statement: str) -> str:
        until = time.monotonic() + _WAIT_SECONDS
        while (answer := self.client.describe_statement(Id=statement))["Status"] not in _FINAL:
            if time.monotonic() > until:
                raise DeployError(f"The warehouse has not answered for {_WAIT_SECONDS:.0f} s. Run this again later.")
            time.sleep(_PAUSE_SECONDS)
        if answer["Status"] != "FINISHED":
            raise DeployError(f"Redshift refused a statement: {answer.get('Error', answer['Status'])}")
        return statement


def _attached(arns: Sequence[str]) -> str:
    return f"attached {', '.join(arn.rpartition('/')[2] for arn in arns)}" if arns else "as they were"


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
