"""Runs what the Data API was given: one transaction, as the caller's database user."""

import logging
import time
from collections.abc import Sequence
from typing import Any

import psycopg

from deploy.local.redshift.data_statements import FINAL_STATUSES, Execution, Statement
from deploy.local.redshift.errors import SqlNotSupported, StatementFailed
from deploy.local.redshift.faults import Faults
from deploy.local.redshift.results import fetch, load_as_redshift_data
from deploy.local.redshift.sessions import Sessions
from deploy.local.redshift.translate import Kind, translate
from deploy.local.redshift.unload import Unloader
from deploy.local.redshift.wire_messages import ISOLATION_VIOLATION

logger = logging.getLogger(__name__)

_FAILURES = (psycopg.Error, SqlNotSupported, StatementFailed)


class Executor:
    """Runs statements on the warehouse."""

    def __init__(self, sessions: Sessions, unloader: Unloader, faults: Faults) -> None:
        self._sessions = sessions
        self._unloader = unloader
        self._faults = faults

    def run(self, statement: Statement) -> None:
        """Run a statement to its end; how it went is recorded in it, nothing is raised for a failure."""
        if statement.is_cancelled:
            return _abort(statement, statement.executions)
        statement.whole.move_to("PICKED")
        try:
            with self._sessions.of(statement.user) as connection, statement.can_be_cancelled_on(connection):
                load_as_redshift_data(connection)
                self._run_all(connection, statement)
        except _FAILURES as error:
            _fail(statement, statement.whole, error)
        except Exception as error:
            # A defect of the stand-in: whoever waits for the statement is told as well.
            logger.exception("statement %s broke", statement.id)
            _fail(statement, statement.whole, error)
        finally:
            statement.whole.duration_ns = time.monotonic_ns() - statement.started_at_ns
        return None

    def _run_all(self, connection: psycopg.Connection, statement: Statement) -> None:
        statement.whole.move_to("STARTED")
        for number, execution in enumerate(statement.executions, 1):
            if not self._run_one(connection, execution):
                connection.rollback()
                return _stop(statement, number)
        connection.commit()
        statement.whole.move_to("FINISHED")
        return None

    def _run_one(self, connection: psycopg.Connection, execution: Execution) -> bool:
        started_at = time.monotonic_ns()
        execution.move_to("STARTED")
        try:
            self._execute(connection, execution)
        except _FAILURES as error:
            execution.move_to("FAILED", error_text(error))
            return False
        finally:
            execution.duration_ns = time.monotonic_ns() - started_at
        execution.move_to("FINISHED")
        return True

    def _execute(self, connection: psycopg.Connection, execution: Execution) -> None:
        if failure := self._faults.next_failure():
            raise StatementFailed(failure)
        translated = translate(execution.bound.sql)
        if translated.kind == Kind.TRANSACTION:
            raise SqlNotSupported("transaction control isn't allowed: a batch is one transaction already")
        if translated.kind == Kind.UNLOAD:
            execution.result_rows = self._unloader.run(connection, translated.sql, "RedshiftUnload")
            return
        _execute_sql(connection, execution, translated.sql)
        if translated.kind == Kind.TRUNCATE:
            connection.commit()  # as Redshift does, in the middle of a transaction


def error_text(error: Exception) -> str:
    """Return an error as Redshift reports it."""
    if isinstance(error, psycopg.errors.SerializationFailure):
        return f"ERROR: 1023 DETAIL: {ISOLATION_VIOLATION}"
    if isinstance(error, psycopg.Error):
        detail = f"\n  Detail: {error.diag.message_detail}" if error.diag.message_detail else ""
        return f"ERROR: {error.diag.message_primary or error}{detail}"
    return f"ERROR: {error}"


def _execute_sql(connection: psycopg.Connection, execution: Execution, sql: str) -> None:
    values: Sequence[Any] | None = execution.bound.values or None
    with psycopg.RawCursor(connection) as cursor:
        cursor.execute(sql.encode(), values)
        if cursor.description is None:
            execution.result_rows = cursor.rowcount
        else:
            execution.result = fetch(cursor)
            execution.result_rows = len(execution.result.rows)


def _stop(statement: Statement, number: int) -> None:
    """Record that execution `number` failed: those after it never ran, and the whole is undone."""
    failed = statement.executions[number - 1]
    _abort(statement, statement.executions[number:])
    if statement.is_cancelled:
        failed.move_to("ABORTED")
        return
    if statement.is_batch:
        statement.whole.move_to("FAILED", f"Query #{number} failed with {failed.error}")


def _abort(statement: Statement, executions: list[Execution]) -> None:
    for execution in executions:
        execution.move_to("ABORTED")
    if statement.is_cancelled:
        statement.whole.move_to("ABORTED")


def _fail(statement: Statement, whole: Execution, error: Exception) -> None:
    """Record a failure outside any one execution: at connecting, or at the commit."""
    if whole.status not in FINAL_STATUSES:
        _abort(statement, [one for one in statement.executions if one.status not in FINAL_STATUSES])
        whole.move_to("FAILED", error_text(error))
