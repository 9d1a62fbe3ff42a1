"""What an emulated AWS service is to the endpoint: something that answers a signed request."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from werkzeug.wrappers import Request, Response


@dataclass(frozen=True)
class Caller:
    """Who signed a request: `principal_arn` is an IAM role's ARN, or the account's root."""

    account_id: str
    region: str
    principal_arn: str


class Service(Protocol):
    """An emulated AWS service; `scope` is its name in a SigV4 credential scope, such as `appflow`."""

    scope: str

    def handle(self, request: Request, caller: Caller) -> Response:
        """Answer one API call."""
        ...


@runtime_checkable
class FaultyService(Protocol):
    """A service that can be asked to fail, at `POST /_local/<scope>/faults`."""

    def handle_local(self, request: Request) -> Response:
        """Replace its faults by those in the request's body."""
        ...


class ServiceError(Exception):
    """An error the service answers with: the code AWS uses, and its HTTP status."""

    def __init__(self, code: str, message: str, status: int = 400, **members: Any) -> None:
        super().__init__(message)
        self.code = code
        self.status = status
        self.members = members
