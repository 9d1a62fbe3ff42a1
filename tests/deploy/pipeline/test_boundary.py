"""The boundary of the stacks' roles: each role carries it, it lets them do what they are given, and little else."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, Final

import pytest
from moto.iam.aws_managed_policies import aws_managed_policies_data

from deploy.local.accounts import APP
from deploy.local.aws.policy import AccessRequest, identity_policies_admit
from deploy.local.templates.sam import Template, load_template
from deploy.stacks.declared import DEPLOY, Stack, declared_stacks
from tests.architecture.wiring.stacks import ACCOUNTS, resolved, shipped_templates, warehouse_template
from tests.deploy.host.template import host_policy

ARN: Final = "arn:aws:iam::111111111111:policy/myapp-boundary"
TEMPLATES: Final = {"app": shipped_templates()["app"], "warehouse": warehouse_template()}
PLAIN: Final = [stack for stack in declared_stacks() if not (stack.by_person or stack.has_code)]
ROLE: Final = "AWS::IAM::Role"
SECRET: Final = "arn:aws:secretsmanager:ap-southeast-1:111111111111:secret:myapp/broker-AbCdEf"
MANAGED: Final = json.loads(aws_managed_policies_data)


def _boundary(prefix: str = "myapp") -> Mapping[str, Any]:
    template = load_template(DEPLOY / "pipeline/deploy_roles.yaml", {"NamePrefix": prefix}, APP.region)
    [policy] = resolved(template, APP).of_type("AWS::IAM::ManagedPolicy").values()
    assert policy["ManagedPolicyName"] == f"{prefix}-boundary"
    document: Mapping[str, Any] = policy["PolicyDocument"]
    return document


def _admits(action: str, resource: str) -> bool:
    return identity_policies_admit(
        [_boundary()], AccessRequest(f"arn:aws:iam::{APP.account_id}:role/any", action, resource)
    )


@pytest.mark.parametrize("account", TEMPLATES)
def test_every_role_of_a_stack_with_functions_carries_the_boundary(account: str) -> None:
    template: Template = TEMPLATES[account]
    bounded = replace(template, parameters={**template.parameters, "PermissionsBoundaryArn": ARN})

    for given, expected in ((bounded, ARN), (template, None)):
        roles = resolved(given, ACCOUNTS[account]).of_type(ROLE)
        assert roles
        assert {name: role.get("PermissionsBoundary") for name, role in roles.items()} == dict.fromkeys(roles, expected)


@pytest.mark.parametrize("stack", PLAIN, ids=lambda stack: stack.name)
def test_every_role_of_another_stack_carries_the_boundary(stack: Stack) -> None:
    roles = [one for one in stack.document["Resources"].values() if one["Type"] == ROLE]
    carried = {"Fn::If": ["HasBoundary", {"Ref": "PermissionsBoundaryArn"}, {"Ref": "AWS::NoValue"}]}

    assert [role["Properties"].get("PermissionsBoundary") for role in roles] == [carried] * len(roles)


def _given() -> Iterator[tuple[str, str]]:
    """Yield each action with its resource that a role of the stacks is given."""
    for account, template in TEMPLATES.items():
        for role in resolved(template, ACCOUNTS[account]).of_type(ROLE).values():
            yield from _allowed(one["PolicyDocument"] for one in role.get("Policies", ()))
            names = [arn.rpartition("/")[2] for arn in role.get("ManagedPolicyArns", ())]
            yield from _allowed(MANAGED[name]["Document"] for name in names)
    parameters = {"ArtifactBucketName": "myapp-artifacts-111111111111", "RedisSecretArn": SECRET}
    resources = {"SecretKey": SECRET, "HostLogs": "/myapp/hosts"}
    yield from _allowed([host_policy(parameters, resources)])


def _given_beside_the_line() -> Iterator[tuple[str, str]]:
    """Yield the same of the stacks that are not resolved here: their actions, on a secret of ours or on everything."""
    for stack in PLAIN:
        for role in (one["Properties"] for one in stack.document["Resources"].values() if one["Type"] == ROLE):
            names = [str(arn).partition(":policy/")[2] for arn in role.get("ManagedPolicyArns", ())]
            documents = [MANAGED[name.strip("}'").rpartition("/")[2]]["Document"] for name in names]
            documents += [one["PolicyDocument"] for one in role.get("Policies", ())]
            for document in documents:
                for statement in document["Statement"]:
                    yield from ((action, _of_ours(action)) for action in _listed(statement["Action"]))


def _of_ours(action: str) -> str:
    return SECRET if action.startswith("secretsmanager:") else "*"


def _allowed(documents: Any) -> Iterator[tuple[str, str]]:
    for document in documents:
        for statement in (one for one in document["Statement"] if one["Effect"] == "Allow"):
            for action in _listed(statement["Action"]):
                yield from ((action, resource) for resource in _listed(statement["Resource"]))


def _meant(action: str, resource: str) -> str:
    """Return what "everything" of a policy of AWS's stands for: a queue of ours, where it is one."""
    is_wide = resource == "*" and action.startswith("sqs:")
    return "arn:aws:sqs:ap-southeast-1:111111111111:myapp-upsert" if is_wide else resource


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def test_what_a_role_is_given_the_boundary_lets_it_do() -> None:
    given = {*_given(), *_given_beside_the_line()}

    assert len(given) > 50
    assert [one for one in sorted(given) if not _admits(one[0], _meant(*one))] == []


@pytest.mark.parametrize(
    ("action", "resource"),
    [
        ("iam:CreateRole", "arn:aws:iam::111111111111:role/myapp-new"),
        ("iam:PassRole", "arn:aws:iam::111111111111:role/myapp-app"),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/myapp-deploy"),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/myapp-cloudformation"),
        ("sts:AssumeRole", "arn:aws:iam::111111111111:role/administrator"),
        ("s3:GetObject", "arn:aws:s3:::others/data"),
        ("secretsmanager:GetSecretValue", "arn:aws:secretsmanager:ap-southeast-1:111111111111:secret:others-AbCdEf"),
        ("lambda:UpdateFunctionCode", "arn:aws:lambda:ap-southeast-1:111111111111:function:myapp-upsert-report"),
        ("ec2:RunInstances", "*"),
        ("kms:PutKeyPolicy", "*"),
    ],
)
def test_a_role_that_is_given_everything_can_do_little(action: str, resource: str) -> None:
    assert not _admits(action, resource)


def test_the_boundary_fits_into_a_policy() -> None:
    text = json.dumps(_boundary("a" * 21), separators=(",", ":"))

    assert len(text) < 6144  # IAM's limit for a managed policy
