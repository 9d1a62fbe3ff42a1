"""SQL on Redshift through its Data API: sent, waited for, and its errors told apart.

The Data API answers at once and works on its own; a statement counts as done only when
DescribeStatement says so. Limits: 40 statements a batch, 100 KB each.
"""

import random
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from dataflows.contracts.errors import TerminalError, TransientError
from dataflows.contracts.sql_text import quoted_text
from message_batches.metrics import count
from warehouse.location import WarehouseLocation

if TYPE_CHECKING:
    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient
    from mypy_boto3_redshift_data.type_defs import (
        BatchExecuteStatementInputTypeDef,
        DescribeStatementResponseTypeDef,
        ExecuteStatementInputTypeDef,
        FieldTypeDef,
        SubStatementDataTypeDef,
    )

_Result = TypeVar("_Result")

MAX_STATEMENTS: Final = 40
MAX_STATEMENT_BYTES: Final = 100_000

_FIRST_PAUSE_SECONDS: Final = 0.05
_LONGEST_PAUSE_SECONDS: Final = 2.0
_MAX_WAIT_SECONDS: Final = 600.0
_CANCEL_SECONDS: Final = 30.0

_FINAL_STATUSES: Final = frozenset({"FINISHED", "FAILED", "ABORTED"})
_CONFLICT_ATTEMPTS: Final = 5
_CONFLICT_PAUSE_SECONDS: Final = 0.2

_TRANSIENT_CODES: Final = frozenset(
    {
        "ThrottlingException",
        "TooManyRequestsException",
        "ActiveStatementsExceededException",
        "ActiveSessionsExceededException",
        "ActiveWaitingRequestsExceededException",
        "DatabaseConnectionException",
        "ExpiredTokenException",
        "QueryTimeoutException",
        "InternalServerException",
        "ServiceUnavailable",
    }
)
_CONFLICT_TEXT: Final = re.compile(r"error:? *1023\b|serializ|deadlock|concurrent (?:update|delete)", re.IGNORECASE)
_TRANSIENT_TEXT: Final = re.compile(
    r"throttl|rate exceeded|\bpaused\b|\bresuming\b|too many connections"
    r"|connection (?:was |is )?(?:refused|reset|closed|lost|timed out|terminated|attempt failed)"
    r"|(?:could not|cannot|unable to) connect|terminating connection|server closed the connection",
    re.IGNORECASE,
)


class ConflictError(TransientError):
    """Another transaction wrote the same tables first; nothing of this one remains (Redshift's error 1023)."""


class FailedStatementError(TerminalError):
    """A statement that Redshift refused; the rest of its batch was rolled back with it.

    `detail` is Redshift's own text; `index` counts the statements of a batch from 0, and is None when
    Redshift didn't say which one failed.
    """

    def __init__(self, statement_id: str, detail: str, index: int | None) -> None:
        super().__init__(f"Redshift statement {statement_id} failed: {detail}", reason="warehouse_statement_failed")
        self.detail = detail
        self.index = index


class Warehouse:
    """A Data API session as one database user: the one that `client`'s credentials stand for."""

    def __init__(
        self,
        client: "RedshiftDataAPIServiceClient",
        location: WarehouseLocation,
        *,
        max_wait_seconds: float = _MAX_WAIT_SECONDS,
    ) -> None:
        self._client = client
        self._location = location
        self._max_wait_seconds = max_wait_seconds

    def query(self, sql: str, parameters: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a SELECT by column name: whole numbers as int, dates and decimals as text.

        `parameters` fill `:name` in the statement; a value must not be empty (a limit of the Data API).
        Raises TransientError or TerminalError.
        """
        return list(self._rows(self._run_one(sql, parameters)["Id"]))

    def execute(self, sql: str, parameters: Mapping[str, str] | None = None) -> int:
        """Run one statement and return how many rows it changed. Raises TransientError or TerminalError."""
        return _rows_changed(self._run_one(sql, parameters))

    def execute_together(self, statements: Sequence[str], client_token: str | None = None) -> list[int]:
        """Run statements in one transaction and return how many rows each changed, once it is committed.

        A batch sent again with the same `client_token` is not run again. Raises TerminalError above the
        Data API's limits; TransientError or TerminalError when a statement failed and nothing changed.
        """
        _check_size(statements)
        call: BatchExecuteStatementInputTypeDef = {"Sqls": statements}
        if client_token is not None:
            call["ClientToken"] = client_token
            return self._run_batch(call)
        return _until_no_conflict(lambda: self._run_batch(call))

    def _run_one(self, sql: str, parameters: Mapping[str, str] | None) -> "DescribeStatementResponseTypeDef":
        call: ExecuteStatementInputTypeDef = {"Sql": sql}
        if parameters:
            call["Parameters"] = [{"name": name, "value": value} for name, value in parameters.items()]
        return _until_no_conflict(lambda: self._run_statement(call))

    def _run_statement(self, call: "ExecuteStatementInputTypeDef") -> "DescribeStatementResponseTypeDef":
        with _api_errors():
            started = self._client.execute_statement(**call, **self._location.statement_target)
        return self._wait(started["Id"])

    def _run_batch(self, call: "BatchExecuteStatementInputTypeDef") -> list[int]:
        with _api_errors():
            started = self._client.batch_execute_statement(**call, **self._location.statement_target)
        return [_rows_changed(statement) for statement in self._wait(started["Id"]).get("SubStatements", [])]

    def _wait(self, statement_id: str) -> "DescribeStatementResponseTypeDef":
        described = self._poll(statement_id, self._max_wait_seconds)
        if described["Status"] not in _FINAL_STATUSES:
            described = self._cancel(statement_id)
        if described["Status"] != "FINISHED":
            count("StatementsFailed")
            raise _statement_error(described)
        return described

    def _poll(self, statement_id: str, seconds: float) -> "DescribeStatementResponseTypeDef":
        """Return the statement's description once it has ended, or as it is after so many seconds."""
        give_up_at = time.monotonic() + seconds
        pause = _FIRST_PAUSE_SECONDS
        while True:
            with _api_errors():
                described = self._client.describe_statement(Id=statement_id)
            if described["Status"] in _FINAL_STATUSES or time.monotonic() > give_up_at:
                return described
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)

    def _cancel(self, statement_id: str) -> "DescribeStatementResponseTypeDef":
        """Stop a statement that takes too long, and see how it ended: its retry must not meet it."""
        with _api_errors(), suppress(self._client.exceptions.ValidationException):  # it has just ended by itself
            self._client.cancel_statement(Id=statement_id)
        described = self._poll(statement_id, _CANCEL_SECONDS)
        if described["Status"] not in _FINAL_STATUSES:
            raise TransientError(f"Redshift statement {statement_id} could not be cancelled: it may still take effect.")
        return described

    def _rows(self, statement_id: str) -> Iterator[dict[str, Any]]:
        with _api_errors():
            for page in self._client.get_paginator("get_statement_result").paginate(Id=statement_id):
                names = [column["name"] for column in page["ColumnMetadata"]]
                for record in page["Records"]:
                    yield dict(zip(names, map(_value, record), strict=True))


def literal(value: str | int | date | datetime | None) -> str:
    """Return `value` as a Redshift SQL literal that reads back exactly; moments are stored as UTC.

    Raises ValueError for text that Redshift can't hold (NUL) and for a datetime without a zone.
    """
    if value is None:
        return "NULL"
    if isinstance(value, datetime):
        return f"TIMESTAMP '{_utc(value):%Y-%m-%d %H:%M:%S.%f}'"
    if isinstance(value, date):
        return f"DATE '{value.isoformat()}'"
    if isinstance(value, int):
        return str(int(value))
    return quoted_text(value)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is None:
        raise ValueError(f"{at} has no time zone")
    return at.astimezone(UTC)


def _check_size(statements: Sequence[str]) -> None:
    largest = max((len(statement.encode()) for statement in statements), default=0)
    if not 1 <= len(statements) <= MAX_STATEMENTS or largest > MAX_STATEMENT_BYTES:
        raise TerminalError(
            f"A batch of the Redshift Data API holds 1 to {MAX_STATEMENTS} statements of at most {MAX_STATEMENT_BYTES} "
            f"bytes; this one has {len(statements)}, the largest of {largest} bytes. If it came from a data flow's "
            "definition, press Edit on the data flow's page, shorten the filters or leave out reports, and Save.",
            reason="statement_too_large",
        )


def _value(field: "FieldTypeDef") -> Any:
    if field.get("isNull"):
        return None
    return next(iter(field.values()))


@contextmanager
def _api_errors() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        message = f"The Redshift Data API refused a call: {error}"
        if error.response["Error"].get("Code") in _TRANSIENT_CODES or _TRANSIENT_TEXT.search(message):
            raise TransientError(message) from error
        raise TerminalError(message, reason="warehouse_call_refused") from error
    except ParamValidationError:
        raise  # ours: neither waiting nor an operator can mend it
    except BotoCoreError as error:
        raise TransientError(f"The Redshift Data API could not be reached: {error}") from error


def _statement_error(described: "DescribeStatementResponseTypeDef") -> Exception:
    statement_id, detail = described["Id"], described.get("Error", "no reason given")
    if described["Status"] == "ABORTED":
        return TransientError(f"Redshift statement {statement_id} was cancelled before it ended: {detail}")
    if _CONFLICT_TEXT.search(detail):
        return ConflictError(f"Redshift statement {statement_id} met another transaction: {detail}")
    if _TRANSIENT_TEXT.search(detail):
        return TransientError(f"Redshift statement {statement_id} failed: {detail}")
    states = [statement.get("Status") for statement in described.get("SubStatements", [])]
    return FailedStatementError(statement_id, detail, states.index("FAILED") if "FAILED" in states else None)


def _rows_changed(statement: "DescribeStatementResponseTypeDef | SubStatementDataTypeDef") -> int:
    return max(statement.get("ResultRows", 0), 0)


def _until_no_conflict(run: Callable[[], _Result]) -> _Result:
    """Run a transaction again when another one was first: on a queue its retry would come later, and count."""
    for attempt in range(1, _CONFLICT_ATTEMPTS):
        try:
            return run()
        except ConflictError:
            time.sleep(_CONFLICT_PAUSE_SECONDS * attempt * (1 + random.random()))  # noqa: S311 - spreads retries
    return run()
