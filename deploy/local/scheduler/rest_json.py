"""AWS's REST-JSON protocol: the operation is in the path, errors are JSON; and pages of long lists."""

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import TypeVar

from werkzeug.wrappers import Request, Response

from deploy.local.aws.answers import json_answer
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.scheduler.service_model import Members, RestJsonModel, validation_error

Operation = Callable[[Members, Caller], Members]
Item = TypeVar("Item")


def answer(model: RestJsonModel, operations: Mapping[str, Operation], request: Request, caller: Caller) -> Response:
    """Check a request against the model, run its operation and return the answer. Raises ServiceError."""
    name, members = model.read(request)
    if name not in operations:
        raise ServiceError("UnknownOperationException", f"{name}: the local service does not have this operation.", 404)
    return json_answer(operations[name](members, caller))


def page(items: Sequence[Item], token: str | None, size: int) -> tuple[Sequence[Item], Members]:
    """Return the items after those of the page that gave the token, and the members that lead on from here.

    Raises ServiceError ValidationException for a token that nobody gave.
    """
    start = _offset(token) if token else 0
    end = start + size
    return items[start:end], {"nextToken": _token(end)} if end < len(items) else {}


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"page:{offset}".encode()).decode()


def _offset(token: str) -> int:
    try:
        kind, _, offset = base64.urlsafe_b64decode(token.encode()).decode().partition(":")
        if kind == "page" and offset.isascii() and offset.isdigit() and len(offset) < 12:
            return int(offset)
    except (binascii.Error, UnicodeError, ValueError):
        pass  # answered below like every other token of somebody's making
    raise validation_error("The nextToken is invalid: use the one that the last page came with.")
