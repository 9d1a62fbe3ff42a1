import json

import pytest

from deploy.local.processes import wait_until
from tests.deploy.local.lambdas.conftest import MakeStand, Stand

SECONDS = 20


def tries(made: Stand, count: int) -> list[str]:
    """Wait for so many invocations; return their request ids."""
    assert wait_until(lambda: len(made.invocations) >= count, SECONDS), made.invocations
    return [one.request_id for one in made.invocations]


def given_up(made: Stand) -> list[str]:
    """Wait for what comes to the dead-letter queue; return it."""
    found: list[str] = []

    def has_come() -> bool:
        found.extend(made.dead_letters())
        return bool(found)

    assert wait_until(has_come, SECONDS)
    return found


def test_an_event_is_taken_at_once_and_worked_on(stand: MakeStand) -> None:
    made = stand("echo")

    request_id = made.runner.invoke_async("worker", {"run_id": "1"})

    assert tries(made, 1) == [request_id]
    assert made.invocations[0].result["event"] == {"run_id": "1"}


def test_what_fails_three_times_is_sent_to_the_declared_queue(stand: MakeStand) -> None:
    made = stand("fail")

    request_id = made.runner.invoke_async("worker", {"run_id": "1"})

    assert tries(made, 3) == [request_id] * 3
    (record,) = map(json.loads, given_up(made))
    assert record["requestPayload"] == {"run_id": "1"}
    assert record["requestContext"]["requestId"] == request_id
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responsePayload"]["errorMessage"]


def test_a_declared_dead_letter_queue_gets_the_event_as_it_was(stand: MakeStand) -> None:
    made = stand("fail", failed="DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt DeadLetters.Arn}")

    made.runner.invoke_async("worker", {"run_id": "1"})

    tries(made, 3)
    assert [json.loads(body) for body in given_up(made)] == [{"run_id": "1"}]


def test_nobody_is_invoked_by_a_name_that_no_function_has(stand: MakeStand) -> None:
    with pytest.raises(KeyError, match="0 functions are called nobody"):
        stand("echo").runner.invoke_async("nobody", {})
