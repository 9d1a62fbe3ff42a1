"""Errors as the API tells them: problem details (RFC 9457) of a stable type."""

import logging
from http import HTTPStatus
from typing import Any, Final

from django.core.exceptions import RequestDataTooBig
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler

from reports.errors import SlowQueryError

logger = logging.getLogger(__name__)

CONTENT_TYPE: Final = "application/problem+json"

_TYPES: Final = {
    HTTPStatus.BAD_REQUEST: "invalid-query",
    HTTPStatus.UNAUTHORIZED: "not-authenticated",
    HTTPStatus.FORBIDDEN: "not-allowed",
    HTTPStatus.NOT_FOUND: "not-found",
    HTTPStatus.METHOD_NOT_ALLOWED: "method-not-allowed",
    HTTPStatus.NOT_ACCEPTABLE: "not-acceptable",
    HTTPStatus.UNSUPPORTED_MEDIA_TYPE: "unsupported-media-type",
    HTTPStatus.TOO_MANY_REQUESTS: "too-many-requests",
}


class Problem(exceptions.APIException):
    """Something a caller can mend: `type` is stable, `detail` says what to do, `members` add facts."""

    def __init__(self, status: HTTPStatus, problem_type: str, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status_code = status
        self.problem_type = problem_type
        self.members = members


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Answer an exception of a view; None lets Django answer what nobody foresaw."""
    error = _known(error)
    response = exception_handler(error, context)
    if response is None:
        return None
    status = HTTPStatus(response.status_code)
    problem_type = error.problem_type if isinstance(error, Problem) else _TYPES.get(status, "error")
    members = error.members if isinstance(error, Problem) else {}
    response.data = {
        "type": problem_type,
        "title": status.phrase,
        "status": status.value,
        "detail": _detail(error),
        **members,
    }
    response.content_type = CONTENT_TYPE
    return response


def _known(error: Exception) -> Exception:
    """Return the problem that a caller's body or question makes of an error that is not one of the API's."""
    if isinstance(error, RecursionError):
        return Problem(HTTPStatus.BAD_REQUEST, "invalid-query", "The body is nested too deeply to be a query.")
    if isinstance(error, RequestDataTooBig):
        return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", "The body is larger than any query.")
    if isinstance(error, SlowQueryError):
        return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "query-too-slow", str(error))
    return error


def _detail(error: Exception) -> str:
    detail = getattr(error, "detail", None)
    return str(detail) if isinstance(detail, str) else str(error)
