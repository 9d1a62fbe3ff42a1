"""What AWS refuses, told apart: what passes by itself and what somebody has to mend."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Final, TypeVar

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from dataflows.contracts.errors import TerminalError, TransientError

logger = Logger(child=True)

_Item = TypeVar("_Item")

SAVE_AGAIN: Final = "press Edit and Save on the data flow's page"

# code of the error → our reason, and what to do about it
_TERMINAL: Final = {
    "ValidationException": ("refused_by_aws", "Press Edit on the data flow's page and change it."),
    "UnsupportedOperationException": (
        "refused_by_aws",
        "Press Edit on the data flow's page and change it.",
    ),
    "ConflictException": ("conflict", f"Look at the flow in AppFlow, then {SAVE_AGAIN}."),
    "ResourceNotFoundException": ("not_found", f"Create what is missing, then {SAVE_AGAIN}."),
    "ServiceQuotaExceededException": (
        "quota_exceeded",
        f"Deregister data flows, take out reports, or have the account's AppFlow quota raised; then {SAVE_AGAIN}.",
    ),
    "ConnectorAuthenticationException": (
        "reconnect_required",
        f"Renew the connection profile's Google login, as docs/runbook.md says under Incidents; then {SAVE_AGAIN}.",
    ),
    "AccessDeniedException": (
        "access_denied",
        "The role lacks the right: see that the connection profile is the one that the warehouse's stack was given as "
        f"GoogleConnectorProfile, or deploy that stack again; then {SAVE_AGAIN}.",
    ),
}


@contextmanager
def aws_errors(what: str) -> Iterator[None]:
    """Turn an AWS call's errors into ours; `what` says what was being done, to what.

    Raises TerminalError for a refusal that will repeat, TransientError for anything that may pass.
    """
    try:
        yield
    except ClientError as error:
        raise _classified(what, error) from error
    except ParamValidationError:
        raise  # ours: neither waiting nor an operator can mend it
    except BotoCoreError as error:
        raise TransientError(f"Could not {what}: AWS was not reached: {error}") from error


@contextmanager
def defects_end() -> Iterator[None]:
    """Turn an error of our own that the same message would meet each time into a TerminalError `defect`.

    Tried again, the message would hold up those behind it in its queue, and end the same way.
    """
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, ParamValidationError) as error:
        logger.exception("a defect of ours")
        raise TerminalError(
            f"MyApp could not carry this out for a reason that lies in itself ({type(error).__name__}), so it is not "
            "tried again. Whoever runs it finds the whole error in this function's log, by the correlation id; when it "
            f"is mended, {SAVE_AGAIN}, or ask again.",
            reason="defect",
        ) from error


def try_each(
    items: Iterable[_Item], action: Callable[[_Item], None], is_enough: Callable[[], bool] = lambda: False
) -> None:
    """Do `action` with each item, whatever becomes of the others; raises TransientError if any failed.

    Once `is_enough` says so, the items that are left are left alone, which the log tells.
    """
    failures, todo = [], list(items)
    while todo and not is_enough():
        if error := _attempt(action, todo.pop(0)):
            failures.append(error)
    if todo:
        logger.warning("left for the next sweep", extra={"items": len(todo)})
    if failures:
        raise TransientError(f"{len(failures)} failed, first: {failures[0]}") from failures[0]


def _attempt(action: Callable[[_Item], None], item: _Item) -> Exception | None:
    try:
        action(item)
    except Exception as error:
        logger.exception("failed")
        return error
    return None


def error_code(error: ClientError) -> str:
    """Return the AWS code of an error, such as `ResourceNotFoundException`."""
    return error.response["Error"].get("Code", "")


def _classified(what: str, error: ClientError) -> Exception:
    detail = error.response["Error"].get("Message") or str(error)
    if (known := _TERMINAL.get(error_code(error))) is None:
        return TransientError(f"Could not {what}: {error}")
    reason, remedy = known
    return TerminalError(f"Could not {what}: {detail} {remedy}", reason=reason)
