"""The Redshift Data API: statements by HTTP, run in the background, asked after by id."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.redshift.administrator import secret_user
from deploy.local.redshift.data_statements import (
    FINAL_STATUSES,
    RETENTION,
    Execution,
    Statement,
    StatementStore,
    new_statement,
)
from deploy.local.redshift.execution import Executor
from deploy.local.redshift.json_protocol import answer, validation_error
from deploy.local.redshift.parameters import bind, read_parameters
from deploy.local.redshift.workgroup import Workgroup, database_user

MAX_BATCH_STATEMENTS = 40
MAX_STATEMENT_BYTES = 100_000
MAX_CLIENT_TOKEN_CHARACTERS = 64
MAX_WAIT_SECONDS = 30
# Every answer takes a moment in AWS too; one that comes when a short statement has ended spares its caller a pause.
_ANSWER_SECONDS = 0.25
_WORKERS = 8
_NOT_EMULATED = ("DbUser", "SessionId", "SessionKeepAliveSeconds", "ExecutionMode")
EVENT_SOURCE = "aws.redshift-data"
EVENT_DETAIL_TYPE = "Redshift Data Statement Status Change"
# Its arguments: account id, region, source, detail type, detail, resources and time of the event.
PublishServiceEvent = Callable[[str, str, str, str, dict[str, Any], list[str], datetime], object]


class RedshiftData:
    """The operations on statements; they may do what the database user of the caller, or of the secret, may do."""

    scope = "redshift-data"

    def __init__(self, workgroup: Workgroup, database: str, executor: Executor, publish: PublishServiceEvent) -> None:
        self._workgroup = workgroup
        self._cluster = workgroup.cluster
        self._database = database
        self._executor = executor
        self._publish = publish
        self._store = StatementStore()
        self._workers = ThreadPoolExecutor(_WORKERS, thread_name_prefix="redshift-data")

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        operations = {
            "ExecuteStatement": self._execute_statement,
            "BatchExecuteStatement": self._batch_execute_statement,
            "DescribeStatement": self._describe_statement,
            "GetStatementResult": self._get_statement_result,
            "ListStatements": self._list_statements,
            "CancelStatement": self._cancel_statement,
        }
        return answer(operations, request, caller)

    def close(self) -> None:
        """Wait for the statements that run; those that wait are dropped."""
        self._workers.shutdown(cancel_futures=True)

    def _execute_statement(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        return self._submit(body, caller, [body.get("Sql", "")])

    def _batch_execute_statement(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        sqls = body.get("Sqls", [])
        if not 1 <= len(sqls) <= MAX_BATCH_STATEMENTS:
            raise validation_error(f"Sqls must have 1 to {MAX_BATCH_STATEMENTS} statements, not {len(sqls)}.")
        return self._submit(body, caller, sqls)

    def _submit(self, body: dict[str, Any], caller: Caller, sqls: list[str]) -> dict[str, Any]:
        self._check(body, caller, sqls)
        bound = bind(sqls, read_parameters(body.get("Parameters", [])))
        secret = body.get("SecretArn")
        user = secret_user(secret, caller) if secret else database_user(caller.principal_arn)
        statement, is_new = self._store.submit(body, caller, lambda: new_statement(caller, body, user, sqls, bound))
        if is_new:
            self._workers.submit(self._run, statement)
        return {
            "Id": statement.id,
            "CreatedAt": statement.created_at.timestamp(),
            "Database": statement.database,
            "DbUser": statement.user,
            **statement.place,
        }

    def _run(self, statement: Statement) -> None:
        try:
            self._executor.run(statement)
            if statement.request.get("WithEvent"):
                self._publish_completion(statement)
        finally:
            statement.done.set()

    def _publish_completion(self, statement: Statement) -> None:
        now = datetime.now(UTC)
        detail = {
            "principal": statement.caller.principal_arn,
            "statementName": statement.request.get("StatementName", ""),
            "statementId": statement.id,
            "redshiftQueryId": statement.describe()["RedshiftQueryId"],
            "state": statement.whole.status,
            "rows": statement.whole.result_rows,
            "expireAt": int((now + RETENTION).timestamp()),
        }
        caller, place = statement.caller, self._workgroup if "WorkgroupName" in statement.place else self._cluster
        self._publish(caller.account_id, caller.region, EVENT_SOURCE, EVENT_DETAIL_TYPE, detail, [place.arn], now)

    def _describe_statement(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        statement, execution = self._find(body, caller)
        statement.done.wait(min(body.get("WaitTimeSeconds", _ANSWER_SECONDS), MAX_WAIT_SECONDS))
        if execution is statement.whole:
            return statement.describe()
        return execution.describe() | {"CreatedAt": statement.created_at.timestamp()}

    def _get_statement_result(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        statement, execution = self._find(body, caller)
        if statement.whole.status != "FINISHED" or execution.result is None:
            raise ServiceError(
                "ResourceNotFoundException",
                f"Query does not have result. Please check query status with DescribeStatement: {execution.id}",
                ResourceId=execution.id,
            )
        return execution.result.page(body.get("NextToken"))

    def _list_statements(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        status, name = body.get("Status", "ALL"), body.get("StatementName", "")
        matching = [
            statement
            for statement in self._store.of(caller)
            if status in ("ALL", statement.whole.status) and statement.request.get("StatementName", "").startswith(name)
        ]
        start, count = int(body.get("NextToken", 0)), body.get("MaxResults", 0) or 100
        listed: dict[str, Any] = {"Statements": [one.summary() for one in matching[start : start + count]]}
        if start + count < len(matching):
            listed["NextToken"] = str(start + count)
        return listed

    def _cancel_statement(self, body: dict[str, Any], caller: Caller) -> dict[str, Any]:
        statement, _ = self._find(body, caller)
        if statement.whole.status in FINAL_STATUSES:
            raise validation_error(
                f"Could not cancel a query that is already in {statement.whole.status} state with ID: {statement.id}"
            )
        statement.cancel()
        return {"Status": True}

    def _find(self, body: dict[str, Any], caller: Caller) -> tuple[Statement, Execution]:
        """Return the statement an id means, and the execution: the whole, or the part after the colon."""
        id_, _, number = body.get("Id", "").partition(":")
        statement = self._store.get(id_, caller)
        if not number:
            return statement, statement.whole
        if not statement.is_batch or not number.isdigit() or not 1 <= int(number) <= len(statement.executions):
            raise ServiceError(
                "ResourceNotFoundException", f"Query does not exist: {body['Id']}", ResourceId=body["Id"]
            )
        return statement, statement.executions[int(number) - 1]

    def _check(self, body: dict[str, Any], caller: Caller, sqls: list[str]) -> None:
        for name in _NOT_EMULATED:
            if name in body:
                raise validation_error(f"{name}: the stand-in has no sessions, and nobody but the caller's own user.")
        if not 0 <= len(body.get("ClientToken", "")) <= MAX_CLIENT_TOKEN_CHARACTERS:
            raise validation_error(f"ClientToken must have at most {MAX_CLIENT_TOKEN_CHARACTERS} characters.")
        self._check_place(body, caller)
        if body.get("Database") != self._database:
            raise validation_error(f"Database {body.get('Database')} does not exist.")
        for sql in sqls:
            _check_sql(sql)

    def _check_place(self, body: dict[str, Any], caller: Caller) -> None:
        workgroup, cluster = body.get("WorkgroupName"), body.get("ClusterIdentifier")
        if bool(workgroup) == bool(cluster):
            raise validation_error("Either WorkgroupName or ClusterIdentifier is required.")
        if workgroup and not self._workgroup.is_named_by(workgroup, caller):
            raise validation_error(f"Redshift endpoint doesn't exist in this region: workgroup {workgroup}.")
        if cluster and not self._cluster.is_named_by(cluster, caller):
            raise validation_error(f"Redshift endpoint doesn't exist in this region: cluster {cluster}.")


def _check_sql(sql: str) -> None:
    if not sql.strip():
        raise validation_error("Sql must not be empty.")
    size = len(sql.encode())
    if size > MAX_STATEMENT_BYTES:
        raise validation_error(f"Sql has {size} bytes; the limit is {MAX_STATEMENT_BYTES}.")
