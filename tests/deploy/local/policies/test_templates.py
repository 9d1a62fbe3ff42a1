"""The shipped templates, compared with a record that is complete: what is planted in either is found by name."""

from dataclasses import replace
from typing import Final

import pytest

from deploy.local.policies.comparison import Outcome, compare
from deploy.local.policies.record import Call
from deploy.local.policies.roles import Role, roles_of
from deploy.local.policies.stacks import deployed_stacks, local_stacks

LOCAL: Final = local_stacks()
DEPLOYED: Final = deployed_stacks()


def everything(role: Role) -> list[Call]:
    """What a role would call that uses all it may, on one thing each."""
    context = {
        "cloudwatch:namespace": "myapp",
        "redshift-data:statement-owner-iam-userid": "${aws:userid}",
    }
    return [
        Call(
            role.arn,
            "any",
            "any",
            one.action,
            one.resource.replace("*", "one") if one.resource != "*" else "*",
            context,
        )
        for one in role.permissions()
    ]


@pytest.fixture(scope="module")
def record() -> list[Call]:
    roles = roles_of(LOCAL)
    ran = [Call(role.arn, "lambda.amazonaws.com", "AssumeRole", "sts:AssumeRole", role.arn) for role in roles]
    return [*ran, *(call for role in roles for call in everything(role))]


def compared(record: list[Call]) -> Outcome:
    return compare(record, LOCAL, DEPLOYED, ())


def test_every_role_of_both_accounts_is_compared(record: list[Call]) -> None:
    outcome = compared(record)

    assert [problem for problem in outcome.problems if problem.kind == "unused"] == []
    assert outcome.roles >= 23


def test_permission_that_nothing_used_is_found_by_name(record: list[Call]) -> None:
    dropped = [call for call in record if not ("/myapp-watch" in call.role_arn and call.action == "appflow:DeleteFlow")]

    assert [(one.role, one.action) for one in compared(dropped).problems if one.kind == "unused"] == [
        ("WatchRole", "appflow:DeleteFlow")
    ]


def test_call_that_no_policy_allows_is_found_by_name(record: list[Call]) -> None:
    [call] = [
        one for one in record if "/myapp-show-status" in one.role_arn and one.action.endswith(":ExecuteStatement")
    ]
    planted = replace(call, action="redshift-data:BatchExecuteStatement")

    found = [one for one in compared([*record, planted]).problems if one not in compared(record).problems]

    assert [(one.kind, one.role, one.action) for one in found] == [
        ("not_allowed", "ShowStatusRole", "redshift-data:BatchExecuteStatement")
    ]
