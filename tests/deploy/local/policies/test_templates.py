"""The shipped templates, compared with a record that is complete: what is planted in either is found by name."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from deploy.local.policies.comparison import Outcome, compare
from deploy.local.policies.excepted import EVERY_ACTION, EXCEPTED
from deploy.local.policies.record import Call
from deploy.local.policies.roles import Role, roles_of
from deploy.local.policies.stacks import deployed_stacks, local_stacks
from deploy.local.policies.wildcards import TABLE as WILDCARDS
from deploy.local.templates.resolved import Properties, Stack
from deploy.stacks.declared import declared_stacks

LOCAL: Final = local_stacks()
DEPLOYED: Final = deployed_stacks()
PIPELINES: Final = tuple(one for one in EXCEPTED if one.action == EVERY_ACTION)


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
    return compare(record, LOCAL, DEPLOYED, PIPELINES)


def declared_roles() -> set[tuple[Path, str]]:
    """Every role of every template that is deployed."""
    return {
        (stack.template, name)
        for stack in declared_stacks()
        for name, one in stack.document["Resources"].items()
        if one["Type"] == "AWS::IAM::Role"
    }


def test_every_role_of_every_template_is_compared(record: list[Call]) -> None:
    outcome = compared(record)

    assert [problem for problem in outcome.problems if problem.kind == "unused"] == []
    assert declared_roles() - {(role.template, role.name) for role in roles_of(DEPLOYED)} == set()
    assert outcome.roles >= len(declared_roles()) >= 31


def test_what_codebuild_does_for_the_databases_users_must_be_allowed(record: list[Call]) -> None:
    """Without their permissions, which no call shows: secrets, log, network."""
    without = [changed(stack, "Role", lambda role: {**role, "Policies": []}) for stack in DEPLOYED]

    found = compare(record, LOCAL, without, PIPELINES).problems

    assert {one.action for one in found if one.role == "Role" and one.kind == "not_allowed"} >= {
        "secretsmanager:GetSecretValue",
        "logs:PutLogEvents",
        "ec2:CreateNetworkInterface",
        "ec2:CreateNetworkInterfacePermission",
    }


@pytest.mark.parametrize("name", ["DeployRole", "CloudFormationRole"])
def test_who_hands_a_role_to_a_service_must_be_allowed_to(record: list[Call], name: str) -> None:
    without = [changed(stack, name, lambda role: {**role, "Policies": []}) for stack in DEPLOYED]

    found = compare(record, LOCAL, without, PIPELINES).problems

    assert ("not_allowed", name, "iam:PassRole") in {(one.kind, one.role, one.action) for one in found}
    assert not [one for one in compared(record).problems if one.role == name and one.kind == "not_allowed"]


def changed(stack: Stack, name: str, change: Callable[[Properties], Properties]) -> Stack:
    """The stack with another role of that name, if it has one."""
    if name not in stack.properties:
        return stack
    return replace(stack, properties={**stack.properties, name: change(stack.properties[name])})


def test_every_wildcard_that_may_be_is_one_of_a_policy() -> None:
    written = [one for role in roles_of(DEPLOYED) for one in role.permissions() if "*" in one.resource]

    assert [row for row in WILDCARDS if not any(row.admits(one.action, one.resource) for one in written)] == []


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
