"""A function that dies in the middle of its work, as when Lambda's host goes down, or that is not alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session


class Died(BaseException):
    """Not an Exception: nothing in the function may handle it."""


@contextmanager
def dies_after(requests: int) -> Iterator[None]:
    """Let the process die once AWS has answered so many requests that were not just questions."""
    answered, worker = 0, threading.get_ident()
    send = URLLib3Session.send

    def counted(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        nonlocal answered
        response = send(session, request)
        if threading.get_ident() != worker:  # the local services call AWS too
            return response
        answered += _changes_something(request)
        if answered > requests:
            raise Died
        return response

    with patch.object(URLLib3Session, "send", counted):
        yield


@contextmanager
def meanwhile(call: str, act: Callable[[], None]) -> Iterator[None]:
    """Let `act` happen just before the function's first call to AWS whose address or body holds `call`."""
    todo, worker = [act], threading.get_ident()
    send = URLLib3Session.send

    def delayed(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        if todo and threading.get_ident() == worker and call in request.url + _text(request.body):
            todo.pop()()
        return send(session, request)

    with patch.object(URLLib3Session, "send", delayed):
        yield
    assert not todo, f"the function never called {call}"


def _text(body: Any) -> str:
    return body.decode() if isinstance(body, bytes) else str(body)


def _changes_something(request: AWSPreparedRequest) -> bool:
    target = request.headers.get("X-Amz-Target", b"")
    name = (target.decode() if isinstance(target, bytes) else target) or request.url
    questions = ("DescribeStatement", "GetStatementResult", "GetSecretValue", "describe-", "list-")
    return not any(question in name for question in questions)
