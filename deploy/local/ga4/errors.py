"""What the emulated Google APIs answer when they refuse a request."""

from http import HTTPStatus
from typing import Any

_HTTP_STATUS = {
    "INVALID_ARGUMENT": HTTPStatus.BAD_REQUEST,
    "UNAUTHENTICATED": HTTPStatus.UNAUTHORIZED,
    "PERMISSION_DENIED": HTTPStatus.FORBIDDEN,
    "NOT_FOUND": HTTPStatus.NOT_FOUND,
    "RESOURCE_EXHAUSTED": HTTPStatus.TOO_MANY_REQUESTS,
    "UNAVAILABLE": HTTPStatus.SERVICE_UNAVAILABLE,
}


class GoogleApiError(Exception):
    """A refusal; `status` is Google's canonical code, such as `INVALID_ARGUMENT`."""

    def __init__(self, status: str, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.http_status = _HTTP_STATUS[status]

    def body(self) -> dict[str, Any]:
        """Return the error in the JSON shape of every Google API."""
        return {"error": {"code": int(self.http_status), "message": str(self), "status": self.status}}


class OAuthError(Exception):
    """The token endpoint's refusal, in OAuth's own shape; `error` is its code, such as `invalid_grant`."""

    def __init__(self, error: str, description: str) -> None:
        super().__init__(description)
        self.error = error


def invalid_argument(message: str) -> GoogleApiError:
    """Return the refusal of a request that can never succeed as it is."""
    return GoogleApiError("INVALID_ARGUMENT", message)
