"""The handlers that the runner's tests run, each in a process of its own; nothing here is imported by a test."""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

STARTED = time.monotonic_ns()


def _bodies(event: dict[str, Any]) -> list[str]:
    return [record["body"] for record in event["Records"]]


def _note(*lines: str) -> None:
    with (Path(os.environ["NOTES"]) / "notes").open("a") as notes:
        notes.write("".join(f"{line}\n" for line in lines))


def echo(event: Any, context: Any) -> Any:
    return {"event": event, "pid": os.getpid(), "started": STARTED}


def environment(event: Any, context: Any) -> Any:
    return {"variables": dict(os.environ), "path": sys.path, "folder": os.getcwd()}


def context(event: Any, context: Any) -> Any:
    names = ("function_name", "memory_limit_in_mb", "invoked_function_arn", "log_group_name", "aws_request_id")
    told = {name: getattr(context, name) for name in names}
    return told | {"remaining": context.get_remaining_time_in_millis()}


def identity(event: Any, context: Any) -> Any:
    import boto3

    return boto3.client("sts").get_caller_identity()["Arn"]


def note(event: Any, context: Any) -> None:
    _note(*_bodies(event))


def note_event(event: Any, context: Any) -> None:
    _note(json.dumps(event))


def note_and_hold(event: Any, context: Any) -> None:
    """Hold until a file of the message's name exists."""
    (body,) = _bodies(event)
    _note(f"begin {body}")
    while not (Path(os.environ["NOTES"]) / f"let-{body}").exists():
        time.sleep(0.01)
    _note(f"end {body}")


def fail_some(event: Any, context: Any) -> Any:
    _note(*_bodies(event))
    failed = [record["messageId"] for record in event["Records"] if record["body"].startswith("bad")]
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def fail_unknown(event: Any, context: Any) -> Any:
    _note(*_bodies(event))
    return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}


def fail(event: Any, context: Any) -> None:
    if "Records" in event:
        _note(*_bodies(event))
    raise ValueError("it does not work")


def sleep(event: Any, context: Any) -> None:
    time.sleep(60)


def grow(event: Any, context: Any) -> None:
    held = bytearray(400 << 20)
    time.sleep(60 + len(held) * 0)


def end(event: Any, context: Any) -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def leave(event: Any, context: Any) -> None:
    sys.exit(3)


def chatter(event: Any, context: Any) -> str:
    sys.stdout.write('{"result": "not this"}\n')
    sys.stderr.write("complaint\n")
    return "this"
