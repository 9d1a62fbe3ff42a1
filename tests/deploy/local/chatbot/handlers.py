"""The functions behind the buttons of the tests' channel; nothing here is imported by a test."""

import time
from typing import Any


def retry(event: Any, context: Any) -> Any:
    return event


def status(event: Any, context: Any) -> Any:
    return f"*Nothing* runs for `{event['flow']}`."


def slow(event: Any, context: Any) -> Any:
    time.sleep(5)


def fail(event: Any, context: Any) -> Any:
    raise ValueError("no such data flow")
