import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.local.lambdas.runner import Runner
from tests.aws import ACCOUNT_1, REGION_1, aws_client
from tests.deploy.local.lambdas.conftest import MakeStand

ARN = f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:worker"


def test_a_process_stays_warm_from_one_event_to_the_next(stand: MakeStand) -> None:
    runner = stand("echo").runner
    first, second = runner.invoke("worker", {"n": 1}), runner.invoke(ARN, {"n": 2})
    assert (first.result["event"], second.result["event"]) == ({"n": 1}, {"n": 2})
    assert first.result["started"] == second.result["started"]
    assert (first.is_cold_start, second.is_cold_start) == (True, False)


def test_a_function_sees_only_its_own_environment(stand: MakeStand, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "of the runner")
    made = stand("environment", extra={"SSL_CERT_FILE": "/certificates"})
    told = made.runner.invoke("worker", {}).result
    variables, runner_folder = told["variables"], Path(__file__).parents[4]
    assert "DATABASE_PASSWORD" not in variables
    assert variables["NOTES"] == str(made.folder)
    assert (variables["AWS_REGION"], variables["AWS_DEFAULT_REGION"]) == (REGION_1, REGION_1)
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert variables["_HANDLER"] == "handlers.environment"
    assert variables["LAMBDA_TASK_ROOT"] == told["folder"] == str(Path(__file__).parent)
    assert variables["SSL_CERT_FILE"] == "/certificates"
    assert str(runner_folder) not in told["path"]


def test_a_local_variable_may_not_hide_one_of_the_template(stand: MakeStand) -> None:
    made = stand("echo", extra={"NOTES": "/elsewhere"})
    with pytest.raises(ValueError, match="worker: the local stack would override NOTES"):
        made.runner.invoke("worker", {})


def test_a_function_acts_as_its_role(stand: MakeStand) -> None:
    arn = stand("identity").runner.invoke("worker", {}).result
    assert arn.startswith(f"arn:aws:sts::{ACCOUNT_1}:assumed-role/myapp-FunctionRole-")
    assert arn.endswith("/worker")


def test_a_role_that_does_not_trust_lambda_is_an_error(stand: MakeStand) -> None:
    made = stand("echo")
    (role,) = [one["RoleName"] for one in aws_client("iam").list_roles()["Roles"]]
    admits = {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [admits]})
    aws_client("iam").update_assume_role_policy(RoleName=role, PolicyDocument=trust)
    error = made.runner.invoke("worker", {}).error
    assert error is not None
    assert f"worker cannot run as arn:aws:iam::{ACCOUNT_1}:role/{role}" in error


def test_a_handler_gets_a_context(stand: MakeStand) -> None:
    invocation = stand("context").runner.invoke("worker", {})
    context = invocation.result
    assert context["aws_request_id"] == invocation.request_id
    assert context["invoked_function_arn"] == ARN
    assert (context["function_name"], context["log_group_name"]) == ("worker", "/aws/lambda/worker")
    assert 9_000 < context["remaining"] <= 10_000


def test_what_a_handler_prints_goes_to_its_log_and_not_into_its_answer(stand: MakeStand) -> None:
    made = stand("chatter")
    assert made.runner.invoke("worker", {}).result == "this"
    assert "not this" in made.log()
    assert "complaint" in made.log()


@pytest.mark.parametrize(
    ("handler", "options", "error"),
    [
        ("fail", {}, "ValueError: it does not work"),
        ("missing", {}, "AttributeError: .*'missing'"),
        ("sleep", {"timeout": 1}, "Sandbox.Timedout: Task timed out after 1 seconds"),
        ("grow", {"memory": 200}, "Runtime.OutOfMemory: Runtime exited with error: signal: killed"),
        ("end", {}, "Runtime.ExitError: Runtime exited with error: signal: SIGSEGV"),
        ("leave", {}, "Runtime.ExitError: Runtime exited with error: exit status 3"),
    ],
)
def test_an_invocation_that_fails_says_how_and_the_next_one_runs(
    stand: MakeStand, handler: str, options: dict[str, int], error: str
) -> None:
    made = stand(handler, **options)
    for _ in range(2):
        failed = made.runner.invoke("worker", {})
        assert failed.error is not None
        assert re.fullmatch(error, failed.error), failed.error
    assert [invocation.error for invocation in made.invocations] == [failed.error] * 2


def test_stopping_the_runner_ends_a_busy_function(stand: MakeStand) -> None:
    made = stand("note_and_hold", batch=1)
    made.send("one")
    made.wait_for_notes(1)
    made.runner.stop()
    assert [invocation.error for invocation in made.invocations] == [
        "Runtime.ExitError: Runtime exited with error: signal: SIGKILL"
    ]
    assert made.left() == 1


def test_a_function_beyond_its_reserved_concurrency_is_throttled(stand: MakeStand, clean_aws: str) -> None:
    made = stand("echo")
    definition = next(iter(made.runner._functions.values())).definition
    with Runner([replace(definition, reserved_concurrency=0)], [], clean_aws, made.folder) as runner:
        assert runner.invoke("worker", {}).error == "TooManyRequestsException: Rate Exceeded."


def test_a_name_that_no_function_has_is_refused(stand: MakeStand) -> None:
    with pytest.raises(KeyError, match="0 functions are called nobody"):
        stand("echo").runner.invoke("nobody", {})


def test_the_interpreter_is_the_one_with_the_packages(stand: MakeStand) -> None:
    path = stand("environment").runner.invoke("worker", {}).result["path"]
    assert any(folder.startswith(sys.prefix) for folder in path)
