"""AWS's JSON 1.1 protocol: one address, the operation named in a header, errors as JSON."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from werkzeug.wrappers import Request, Response

from deploy.local.aws.service import Caller, ServiceError

Operation = Callable[[dict[str, Any], Caller], dict[str, Any]]
_CONTENT_TYPE = "application/x-amz-json-1.1"


def answer(operations: Mapping[str, Operation], request: Request, caller: Caller) -> Response:
    """Run the operation a request names and return its answer, or the error it raised."""
    try:
        return _response(_operation(operations, request)(_body(request), caller), 200)
    except ServiceError as error:
        members = {"__type": error.code, "message": str(error), "Message": str(error), **error.members}
        return _response(members, error.status)


def validation_error(message: str) -> ServiceError:
    """Return the error for a request that can't be right."""
    return ServiceError("ValidationException", message)


def _operation(operations: Mapping[str, Operation], request: Request) -> Operation:
    name = request.headers.get("X-Amz-Target", "").rpartition(".")[2]
    if name not in operations:
        raise ServiceError("UnknownOperationException", f"{name}: the stand-in doesn't have this operation")
    return operations[name]


def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(request.get_data() or b"{}")
    except ValueError as error:
        raise ServiceError("SerializationException", "the request's body isn't JSON") from error
    if not isinstance(body, dict):
        raise ServiceError("SerializationException", "the request's body isn't a JSON object")
    return body


def _response(body: dict[str, Any], status: int) -> Response:
    return Response(json.dumps(body), status, content_type=_CONTENT_TYPE)
