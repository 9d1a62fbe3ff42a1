"""What a role calls is compared with what it may: nothing is overlooked in either direction."""

from dataclasses import replace
from typing import Any, Final

import pytest

from deploy.local.accounts import WAREHOUSE
from deploy.local.aws.actions import OWN_STATEMENTS
from deploy.local.policies.comparison import Outcome, compare
from deploy.local.policies.excepted import EVERY_ACTION, Excepted
from deploy.local.policies.record import Call
from deploy.local.state import REPOSITORY
from deploy.local.templates.resolved import Stack

PLACE: Final = f"{WAREHOUSE.region}:{WAREHOUSE.account_id}"
ROLE: Final = f"arn:aws:iam::{WAREHOUSE.account_id}:role/worker"
QUEUE: Final = f"arn:aws:sqs:{PLACE}:work"
FLOWS: Final = f"arn:aws:appflow:{PLACE}:flow/ga4-*"
WORKGROUP: Final = f"arn:aws:redshift-serverless:{PLACE}:workgroup/0123"

OTHERS: Final = {"Condition": {"StringEquals": {"aws:SourceAccount": "another"}}}


def stack(*statements: dict[str, Any], **role: Any) -> Stack:
    """A stack of one role that a service takes on."""
    made = Stack(REPOSITORY / "deploy/account2_warehouse/template.yaml", WAREHOUSE)
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made.types["WatchRole"], made.arns["WatchRole"], made.refs["WatchRole"] = "AWS::IAM::Role", ROLE, "worker"
    made.properties["WatchRole"] = {
        "AssumeRolePolicyDocument": {"Statement": [trust]},
        "Policies": [{"PolicyName": "work", "PolicyDocument": {"Statement": list(statements)}}],
        **role,
    }
    return made


def allow(action: Any, resource: Any, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def called(action: str, resource: str, **more: Any) -> Call:
    service, _, operation = action.partition(":")
    return Call(ROLE, service, operation, action, resource, **more)


def compared(calls: list[Call], *statements: dict[str, Any], exceptions: tuple[Excepted, ...] = ()) -> Outcome:
    made = [stack(*statements)]
    return compare(calls, made, made, exceptions)


def found(outcome: Outcome) -> list[tuple[str, str, str, str]]:
    return [(problem.kind, problem.role, problem.action, problem.resource) for problem in outcome.problems]


def test_what_is_called_and_allowed_is_no_problem() -> None:
    outcome = compared([called("sqs:SendMessage", QUEUE)], allow("sqs:SendMessage", QUEUE))

    assert outcome.summary() == {"roles": 1, "actions_called": 1, "not_allowed": 0, "unused": 0, "excepted": 0}


def test_missing_permission_is_named() -> None:
    outcome = compared(
        [called("sqs:SendMessage", QUEUE), called("sqs:DeleteMessage", QUEUE)], allow("sqs:SendMessage", QUEUE)
    )

    assert found(outcome) == [("not_allowed", "WatchRole", "sqs:DeleteMessage", QUEUE)]
    assert "add it at deploy/account2_warehouse/template.yaml:" in str(outcome.problems[0])


def test_permission_on_another_resource_is_missing_and_too_much() -> None:
    outcome = compared([called("sqs:SendMessage", QUEUE)], allow("sqs:SendMessage", f"{QUEUE}-other"))

    assert [one[0] for one in found(outcome)] == ["not_allowed", "unused"]


def test_extra_action_and_extra_resource_are_named() -> None:
    outcome = compared(
        [called("sqs:SendMessage", QUEUE)], allow(["sqs:SendMessage", "sqs:PurgeQueue"], [QUEUE, f"{QUEUE}-other"])
    )

    assert {one[2:] for one in found(outcome)} == {
        ("sqs:PurgeQueue", QUEUE),
        ("sqs:SendMessage", f"{QUEUE}-other"),
        ("sqs:PurgeQueue", f"{QUEUE}-other"),
    }


@pytest.mark.parametrize(
    ("action", "resource"), [("sqs:*", QUEUE), ("*", "*"), ("sqs:Send?essage", QUEUE), ("sqs:SendMessage", "*")]
)
def test_wildcard_that_says_more_than_was_called_is_found(action: str, resource: str) -> None:
    outcome = compared([called("sqs:SendMessage", QUEUE)], allow(action, resource))

    assert found(outcome) == [("unused", "WatchRole", action, resource)]


def test_workgroups_and_profiles_are_named_one_by_one() -> None:
    call = called("redshift-serverless:GetWorkgroup", WORKGROUP)

    outcome = compared([call], allow(call.action, f"arn:aws:redshift-serverless:{PLACE}:workgroup/*"))

    assert WORKGROUP in str(outcome.problems[0])
    assert len(outcome.problems) == 1


def test_names_that_are_made_meanwhile_may_be_left_open() -> None:
    call = called("appflow:StartFlow", FLOWS.replace("*", "1-pages"))

    assert compared([call], allow(call.action, FLOWS)).problems == ()


def test_action_without_a_resource_may_be_on_everything() -> None:
    call = called("redshift-data:DescribeStatement", "*", context=OWN_STATEMENTS)
    own = {"StringEquals": OWN_STATEMENTS}

    assert compared([call], allow(call.action, "*", Condition=own)).problems == ()


def test_condition_that_the_call_does_not_meet_forbids_it() -> None:
    call = called("cloudwatch:PutMetricData", "*", context={"cloudwatch:namespace": "myapp"})
    condition = {"StringEquals": {"cloudwatch:namespace": "another"}}

    outcome = compared([call], allow(call.action, "*", Condition=condition))

    assert found(outcome) == [("not_allowed", "WatchRole", call.action, "*")]


def test_denial_counts_more_than_what_is_allowed() -> None:
    deny = {"Effect": "Deny", "Action": "sqs:*", "Resource": "*"}

    outcome = compared([called("sqs:SendMessage", QUEUE)], allow("sqs:SendMessage", QUEUE), deny)

    assert found(outcome) == [("not_allowed", "WatchRole", "sqs:SendMessage", QUEUE)]


@pytest.mark.parametrize(
    "statement",
    [
        {"Effect": "Allow", "NotAction": "iam:*", "Resource": QUEUE},
        {"Effect": "Allow", "Action": "sqs:SendMessage", "NotResource": f"{QUEUE}-other"},
    ],
)
def test_statements_of_what_is_not_meant_are_refused(statement: dict[str, Any]) -> None:
    outcome = compared([called("sqs:SendMessage", QUEUE)], statement)

    assert [one[0] for one in found(outcome)] == ["not_allowed", "unused"]
    assert "write out" in str(outcome.problems[1])


def test_unknown_operation_is_a_problem() -> None:
    unknown = replace(called("", ""), service="sqs", operation="StartMessageMoveTask")

    outcome = compared([unknown])

    assert outcome.summary()["not_allowed"] == 1
    assert "sqs:StartMessageMoveTask" in str(outcome.problems[0])
    assert "deploy/local/aws/actions.py" in str(outcome.problems[0])


def test_role_that_no_template_has_is_a_problem() -> None:
    stranger = replace(called("sqs:SendMessage", QUEUE), role_arn=f"{ROLE}-other")

    assert compared([stranger]).summary()["not_allowed"] == 1


def test_what_a_call_implies_must_be_allowed_and_may_be() -> None:
    call = called("redshift-data:ExecuteStatement", WORKGROUP)

    lacking = compared([call], allow(call.action, WORKGROUP))
    whole = compared([call], allow([call.action, "redshift-serverless:GetCredentials"], WORKGROUP))

    assert found(lacking) == [("not_allowed", "WatchRole", "redshift-serverless:GetCredentials", WORKGROUP)]
    assert whole.problems == ()


def test_a_statement_in_a_cluster_implies_a_password_for_its_database() -> None:
    cluster, database = (f"arn:aws:redshift:{PLACE}:{one}" for one in ("cluster:one", "dbname:one/ga4"))
    call = called("redshift-data:ExecuteStatement", cluster, names=(database,))

    lacking = compared([call], allow(call.action, cluster))
    whole = compared([call], allow(call.action, cluster), allow("redshift:GetClusterCredentialsWithIAM", database))

    assert found(lacking) == [("not_allowed", "WatchRole", "redshift:GetClusterCredentialsWithIAM", database)]
    assert whole.problems == ()


def test_exception_covers_a_permission_and_is_itself_found_when_nobody_needs_it() -> None:
    excepted = (Excepted("sqs:PurgeQueue", ("WatchRole",), "is called in an emergency"),)

    covered = compared([], allow("sqs:PurgeQueue", QUEUE), exceptions=excepted)
    needless = compared([], exceptions=excepted)

    assert covered.problems == ()
    assert covered.summary()["excepted"] == 1
    assert "take it out" in str(needless.problems[0])


def test_role_whose_permissions_are_all_excepted_must_be_allowed_what_it_does() -> None:
    excepted = (Excepted(EVERY_ACTION, ("WatchRole",), "nothing here runs it"),)

    outcome = compared([called("sqs:SendMessage", QUEUE)], allow("sqs:*", "*", **OTHERS), exceptions=excepted)

    assert found(outcome) == [("not_allowed", "WatchRole", "sqs:SendMessage", QUEUE)]


def test_more_than_five_exceptions_are_refused() -> None:
    many = tuple(Excepted(f"sqs:Action{number}", (), "") for number in range(6))

    with pytest.raises(ValueError, match="6 exceptions"):
        compared([], exceptions=many)


def test_function_that_never_ran_is_told() -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    made = [stack(AssumeRolePolicyDocument={"Statement": [trust]})]
    ran = Call(ROLE, "lambda.amazonaws.com", "AssumeRole", "sts:AssumeRole", ROLE)

    assert "never ran" in str(compare([], made, made, ()).problems[0])
    assert compare([ran], made, made, ()).problems == ()
