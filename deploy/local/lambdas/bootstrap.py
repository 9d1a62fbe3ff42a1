"""Runs inside a function's own process: imports the handler, then answers one event after another.

Started as `python -P bootstrap.py REQUEST_FD RESPONSE_FD`. It speaks JSON lines through two pipes, so that whatever
the handler prints goes to the log. It imports nothing but the standard library, and nothing of the local stack.
"""

import importlib
import json
import os
import queue
import sys
import threading
import time
import traceback
from typing import Any, TextIO


class LambdaContext:
    """What Lambda hands a handler beside the event."""

    identity = None
    client_context = None

    def __init__(self, request: dict[str, Any]) -> None:
        self.aws_request_id: str = request["request_id"]
        self.invoked_function_arn: str = request["function_arn"]
        self.function_name = os.environ["AWS_LAMBDA_FUNCTION_NAME"]
        self.function_version = os.environ["AWS_LAMBDA_FUNCTION_VERSION"]
        self.memory_limit_in_mb = os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]
        self.log_group_name = os.environ["AWS_LAMBDA_LOG_GROUP_NAME"]
        self.log_stream_name = os.environ["AWS_LAMBDA_LOG_STREAM_NAME"]
        self._deadline_at = time.monotonic() + request["timeout_seconds"]

    def get_remaining_time_in_millis(self) -> int:
        """Return how long the function may still run."""
        return max(0, int((self._deadline_at - time.monotonic()) * 1000))


def main() -> None:
    """Import the handler, say so, and answer events until the runner closes its pipe."""
    requests_fd, responses_fd = (int(argument) for argument in sys.argv[1:3])
    for descriptor in (requests_fd, responses_fd):
        os.set_inheritable(descriptor, False)  # what the handler starts must not keep the pipes open
    sys.argv = [""]
    requests: queue.SimpleQueue[str] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(requests_fd, requests), daemon=True).start()
    with os.fdopen(responses_fd, "w", encoding="utf-8") as responses:
        _serve(requests, responses)


def _read(descriptor: int, requests: "queue.SimpleQueue[str]") -> None:
    with os.fdopen(descriptor, encoding="utf-8") as lines:
        for line in lines:
            requests.put(line)
    os._exit(0)  # the runner has gone, whatever the handler is doing


def _serve(requests: "queue.SimpleQueue[str]", responses: TextIO) -> None:
    try:
        handler = _handler(os.environ["_HANDLER"])
    except BaseException as error:  # noqa: BLE001 - also SystemExit at import; it is told to the runner
        _answer(responses, _described(error))
        return
    _answer(responses, {"ready": True})
    while True:
        _answer(responses, _handled(handler, json.loads(requests.get())))


def _handler(name: str) -> Any:
    module, _, function = name.rpartition(".")
    return getattr(importlib.import_module(module.replace("/", ".")), function)


def _handled(handler: Any, request: dict[str, Any]) -> dict[str, Any]:
    try:
        result = handler(request["event"], LambdaContext(request))
        return {"result": json.dumps(result)}
    except Exception as error:  # noqa: BLE001 - it is told to the runner
        return _described(error)


def _described(error: BaseException) -> dict[str, Any]:
    traceback.print_exception(error)
    return {"error_type": type(error).__name__, "error_message": str(error)}


def _answer(responses: TextIO, answer: dict[str, Any]) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    responses.write(json.dumps(answer) + "\n")
    responses.flush()


if __name__ == "__main__":
    main()
