"""What the Data API remembers of the statements it was given."""

import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from threading import Event, Lock
from typing import Any

import psycopg

from deploy.local.aws.service import Caller, ServiceError
from deploy.local.redshift.json_protocol import validation_error
from deploy.local.redshift.parameters import Bound
from deploy.local.redshift.results import ResultSet

MAX_ACTIVE_STATEMENTS = 500
RETENTION = timedelta(hours=24)
PLACES = ("WorkgroupName", "ClusterIdentifier")
FINAL_STATUSES = frozenset({"FINISHED", "FAILED", "ABORTED"})


@dataclass
class Execution:
    """One SQL text on its way: alone, or as a part of a batch."""

    id: str
    sql: str
    bound: Bound
    status: str = "SUBMITTED"
    error: str | None = None
    result: ResultSet | None = None
    result_rows: int = -1
    duration_ns: int = 0
    updated_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def move_to(self, status: str, error: str | None = None) -> None:
        """Record a new status, and why if it is a failure."""
        self.status, self.error, self.updated_at = status, error, datetime.now(UTC)

    def describe(self) -> dict[str, Any]:
        """Return what DescribeStatement says of a part of a batch."""
        return {
            "Id": self.id,
            "QueryString": self.sql,
            "Status": self.status,
            "HasResultSet": self.result is not None,
            "ResultRows": self.result_rows,
            "ResultSize": self.result.size_bytes if self.result else -1 if self.result_rows < 0 else 0,
            "RedshiftQueryId": uuid.UUID(self.id.partition(":")[0]).int % 2**31,
            "Duration": self.duration_ns,
            "UpdatedAt": self.updated_at.timestamp(),
            **({"Error": self.error} if self.error else {}),
        }


@dataclass
class Statement:
    """One call of ExecuteStatement or BatchExecuteStatement; `request` is its body."""

    caller: Caller
    request: dict[str, Any]
    user: str
    database: str
    executions: list[Execution]
    is_batch: bool
    whole: Execution
    created_at: datetime = field(default_factory=lambda: datetime.now(UTC))
    started_at_ns: int = field(default_factory=time.monotonic_ns)
    is_cancelled: bool = False
    process_id: int = 0
    done: Event = field(default_factory=Event)
    _connection: psycopg.Connection | None = None
    _connection_lock: Lock = field(default_factory=Lock)

    @property
    def id(self) -> str:
        """The id the caller got."""
        return self.whole.id

    @property
    def place(self) -> dict[str, str]:
        """The member of the call that said where it runs: the workgroup's name or the cluster's identifier."""
        return {name: self.request[name] for name in PLACES if name in self.request}

    @contextmanager
    def can_be_cancelled_on(self, connection: psycopg.Connection) -> Iterator[None]:
        """Let `cancel` stop what runs on a connection, until the connection is another's."""
        self._connection, self.process_id = connection, connection.info.backend_pid
        try:
            yield
        finally:
            with self._connection_lock:
                self._connection = None

    def cancel(self) -> None:
        """Stop the statement where it is."""
        self.is_cancelled = True
        with self._connection_lock:
            if self._connection:
                self._connection.cancel_safe()

    def describe(self) -> dict[str, Any]:
        """Return what DescribeStatement says."""
        described = self.whole.describe() | {
            "CreatedAt": self.created_at.timestamp(),
            "Database": self.database,
            "DbUser": self.user,
            **self.place,
            "RedshiftPid": self.process_id,
        }
        if parameters := self.request.get("Parameters"):
            described["QueryParameters"] = parameters
        if self.is_batch:
            del described["QueryString"]
            described["HasResultSet"] = any(execution.result for execution in self.executions)
            described["SubStatements"] = [
                execution.describe() | {"CreatedAt": self.created_at.timestamp()} for execution in self.executions
            ]
        return described

    def summary(self) -> dict[str, Any]:
        """Return the statement's line in ListStatements."""
        texts = [execution.sql for execution in self.executions]
        return {
            "Id": self.id,
            "Status": self.whole.status,
            "CreatedAt": self.created_at.timestamp(),
            "UpdatedAt": self.whole.updated_at.timestamp(),
            "IsBatchStatement": self.is_batch,
            **({"QueryStrings": texts} if self.is_batch else {"QueryString": texts[0]}),
            **({"StatementName": self.request["StatementName"]} if "StatementName" in self.request else {}),
        }


def new_statement(caller: Caller, request: dict[str, Any], user: str, sqls: list[str], bound: list[Bound]) -> Statement:
    """Return a statement that was just submitted; a batch has one execution for each SQL, numbered from 1."""
    id_ = str(uuid.uuid4())
    is_batch = "Sqls" in request
    whole = Execution(id_, sqls[0], bound[0])
    parts = [Execution(f"{id_}:{n}", sql, one) for n, (sql, one) in enumerate(zip(sqls, bound, strict=True), 1)]
    return Statement(caller, request, user, request["Database"], parts if is_batch else [whole], is_batch, whole)


class StatementStore:
    """Every statement of the last 24 hours, by id and by client token."""

    def __init__(self) -> None:
        self._statements: dict[str, Statement] = {}  # the oldest first
        self._active: list[Statement] = []  # and some that have ended since a new one came
        self._tokens: dict[tuple[str, str], Statement] = {}
        self._lock = Lock()

    def submit(self, request: dict[str, Any], caller: Caller, make: Callable[[], Statement]) -> tuple[Statement, bool]:
        """Return the statement for a request, and whether it is new: a token seen before gives the first one.

        Raises:
            ServiceError: the token came with another request, or 500 statements are active.
        """
        token = (caller.principal_arn, request.get("ClientToken", ""))
        with self._lock:
            self._forget_old()
            if token[1] and (known := self._tokens.get(token)):
                if known.request != request:
                    raise validation_error("ClientToken was used before with different parameters.")
                return known, False
            self._check_active()
            statement = make()
            self._statements[statement.id] = statement
            self._active.append(statement)
            if token[1]:
                self._tokens[token] = statement
            return statement, True

    def get(self, id_: str, caller: Caller) -> Statement:
        """Return a statement of this caller's; raise ServiceError if there is none."""
        statement = self._statements.get(id_)
        if statement is None or statement.caller != caller:
            raise ServiceError("ResourceNotFoundException", f"Query does not exist: {id_}", ResourceId=id_)
        return statement

    def of(self, caller: Caller) -> list[Statement]:
        """Return the caller's statements, newest first."""
        with self._lock:
            return [one for one in reversed(self._statements.values()) if one.caller == caller]

    def _check_active(self) -> None:
        self._active = [statement for statement in self._active if statement.whole.status not in FINAL_STATUSES]
        if (active := len(self._active)) >= MAX_ACTIVE_STATEMENTS:
            raise ServiceError(
                "ActiveStatementsExceededException", f"{active} statements are active; the limit is 500."
            )

    def _forget_old(self) -> None:
        limit = datetime.now(UTC) - RETENTION
        for statement in list(takewhile(lambda one: one.created_at < limit, self._statements.values())):
            del self._statements[statement.id]
            self._tokens.pop((statement.caller.principal_arn, statement.request.get("ClientToken", "")), None)
