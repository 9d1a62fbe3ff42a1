import json

import pytest

from deploy.local.processes import wait_until
from tests.deploy.local.lambdas.conftest import MakeStand, Stand

SECONDS = 20


def tries(made: Stand, count: int) -> list[str]:
    """Wait for so many invocations; return their request ids."""
    assert wait_until(lambda: len(made.invocations) >= count, SECONDS), made.invocations
    return [one.request_id for one in made.invocations]


def test_an_event_is_taken_at_once_and_worked_on(stand: MakeStand) -> None:
    made = stand("echo")

    request_id = made.runner.invoke_async("worker", {"run_id": "1"})

    assert tries(made, 1) == [request_id]
    assert made.invocations[0].result["event"] == {"run_id": "1"}


def test_what_fails_three_times_is_sent_to_the_declared_queue(stand: MakeStand) -> None:
    made = stand("fail")

    request_id = made.runner.invoke_async("worker", {"run_id": "1"})

    assert tries(made, 3) == [request_id] * 3
    found: list[str] = []

    def has_come() -> bool:
        found.extend(made.dead_letters())
        return bool(found)

    assert wait_until(has_come, SECONDS)
    (record,) = map(json.loads, found)
    assert record["requestPayload"] == {"run_id": "1"}
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorMessage"]


def test_nobody_is_invoked_by_a_name_that_no_function_has(stand: MakeStand) -> None:
    with pytest.raises(KeyError, match="0 functions are called nobody"):
        stand("echo").runner.invoke_async("nobody", {})
