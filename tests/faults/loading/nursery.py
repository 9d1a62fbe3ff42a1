"""Forks loaders from a process that has imported everything, so that killing and replacing one costs little.

Started as `python -m tests.faults.loading.nursery CONTROL_FD`: each socket received through the control socket becomes
the line to a new loader, which speaks JSON lines: its pid, then that it is ready, then a line at each named point and
one with each answer. It is told the name of a planted bug (or nothing), then events and their settings; at a point,
to go on or to die.
"""

import contextlib
import functools
import gc
import importlib
import json
import os
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable
from typing import Any, Final, TextIO

import boto3
import boto3.s3.transfer
import pymysql
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from dataflows.contracts.errors import TransientError
from tests.faults.loading import planted, points

GO: Final = "go"
DIE: Final = "die"


def main() -> None:
    """Fork a loader for each socket, until whoever started this has gone."""
    handler = importlib.import_module("serving.handlers.upsert_report").handle
    _keep_warm()
    gc.freeze()  # so that no loader copies what it shares with this process
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # no loader is waited for: the kernel forgets it
    control = socket.socket(fileno=int(sys.argv[1]))
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if not descriptors:
            return
        if os.fork() == 0:
            control.close()
            _Loader(socket.socket(fileno=descriptors[0])).serve(handler)
        os.close(descriptors[0])


def _keep_warm() -> None:
    """Make each AWS client once, and let it work without threads: they would make a schedule hard to repeat."""
    points.replace("boto3.client", functools.cache)
    points.replace("boto3.s3.transfer.TransferConfig", lambda made: functools.partial(made, use_threads=False))
    for service in ("s3", "secretsmanager", "sqs"):
        boto3.client(service)
    _ask_s3_once()


def _ask_s3_once() -> None:
    """Let boto3 read what it knows of S3: each loader would for itself, which takes longer than a small load."""
    client, bucket, owner = boto3.client("s3"), os.environ["UNLOAD_BUCKET"], os.environ["UNLOAD_BUCKET_OWNER"]
    list(client.get_paginator("list_objects_v2").paginate(Bucket=bucket, ExpectedBucketOwner=owner))
    with contextlib.suppress(client.exceptions.NoSuchKey):
        client.get_object(Bucket=bucket, Key="none", ExpectedBucketOwner=owner)
    client.close()  # or all loaders would speak over one connection


def _why(error: Exception) -> dict[str, Any]:
    number = error.__cause__.args[0] if isinstance(error.__cause__, pymysql.err.MySQLError) else None
    told = "".join(traceback.format_exception(error))
    return {"is_transient": isinstance(error, TransientError), "mysql_number": number, "told": told}


class _Loader:
    """The loader's side of the line."""

    def __init__(self, line: socket.socket) -> None:
        self._answers: TextIO = line.makefile("w", encoding="utf-8")
        self._orders: TextIO = line.makefile("r", encoding="utf-8")
        self._one_at_a_time = threading.Lock()
        self._errors: dict[str, dict[str, Any]] = {}

    def serve(self, handler: Any) -> None:
        """Handle one event after another, and end with the line."""
        self._say(pid=os.getpid())
        if plant := json.loads(self._order())["plant"]:
            planted.plant(plant)
        points.install(self._hit)
        points.replace("message_batches.taking._take_record", self._noting_errors)
        self._say(ready=True)
        while True:
            order = json.loads(self._order())
            os.environ.update(order["settings"])
            self._errors.clear()
            answer = handler(order["event"], LambdaContext())
            self._hit(points.BEFORE_ANSWER, None, None)
            failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
            self._say(failed={identifier: self._errors[identifier] for identifier in failed})

    def _noting_errors(self, take: Callable[..., None]) -> Callable[..., None]:
        """Let the rig hear why a message is given back."""

        def taking(function: Any, record: SQSRecord) -> None:
            try:
                take(function, record)
            except Exception as error:
                self._errors[record.message_id] = _why(error)
                raise

        return taking

    def _hit(self, point: str, lock: str | None, session: int | None) -> None:
        with self._one_at_a_time:
            self._say(point=point, lock=lock, session=session)
            if self._order() == DIE:
                os.kill(os.getpid(), signal.SIGKILL)

    def _say(self, **what: Any) -> None:
        self._answers.write(json.dumps(what) + "\n")
        self._answers.flush()

    def _order(self) -> str:
        line = self._orders.readline()
        if not line:
            os._exit(0)
        return line.rstrip("\n")


if __name__ == "__main__":
    main()
