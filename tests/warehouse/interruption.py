"""A function that dies in the middle of its work, as when Lambda's host goes down, or that is not alone."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from botocore.awsrequest import AWSPreparedRequest
from botocore.httpsession import URLLib3Session
from redshift_connector.cursor import Cursor


class Died(BaseException):
    """Not an Exception: nothing in the function may handle it."""


@contextmanager
def dies_after(requests: int) -> Iterator[None]:
    """Let the process die once AWS has answered so many requests that were not just questions."""
    answered, worker = 0, threading.get_ident()
    send = URLLib3Session.send

    def counted(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        nonlocal answered
        if threading.get_ident() != worker:  # the local services call AWS too
            return send(session, request)
        if answered > requests:
            raise Died  # also in a `finally`: the dead do nothing
        response = send(session, request)
        answered += _changes_something(request)
        if answered > requests:
            raise Died
        return response

    with patch.object(URLLib3Session, "send", counted):
        yield


@contextmanager
def dies_after_statements(statements: int) -> Iterator[None]:
    """Let the process die once the warehouse has carried out so many statements of its DDL connection."""
    execute, carried_out = Cursor.execute, 0

    def counted(cursor: Cursor, *arguments: Any, **options: Any) -> Any:
        nonlocal carried_out
        result = execute(cursor, *arguments, **options)
        carried_out += 1
        if carried_out > statements:
            raise Died
        return result

    with patch.object(Cursor, "execute", counted):
        yield


@contextmanager
def interrupted_after(requests: int, act: Callable[[], None]) -> Iterator[list[Callable[[], None]]]:
    """Let `act` happen once AWS has answered so many requests that were not just questions.

    Gives a list that is empty once it has happened.
    """
    answered, worker, todo = 0, threading.get_ident(), [act]
    send = URLLib3Session.send

    def interrupted(session: URLLib3Session, request: AWSPreparedRequest) -> Any:
        nonlocal answered
        response = send(session, request)
        if todo and threading.get_ident() == worker:
            answered += _changes_something(request)
            if answered > requests:
                todo.pop()()
        return response

    with patch.object(URLLib3Session, "send", interrupted):
        yield todo


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
