"""Who may deploy: the roles as CloudFormation would make them, asked by an evaluation of their policies."""

from fnmatch import fnmatchcase
from typing import Any

import pytest

from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.aws.policy import AccessRequest, identity_policies_admit, resource_policy_admits
from deploy.local.templates.sam import Template, load_template
from deploy.stacks.declared import DEPLOY
from tests.architecture.wiring.stacks import ACCOUNTS, resolved, shipped_templates, warehouse_template

ACCOUNT_1, REGION_1 = APP.account_id, APP.region

STAGING = f"arn:aws:iam::{ACCOUNT_1}:role/myapp-pipeline-staging"
DEPLOY_ROLE = f"arn:aws:iam::{ACCOUNT_1}:role/try-deploy"


def _roles(**parameters: str) -> dict[str, Any]:
    """Return the roles' properties by name, with every function of the template resolved."""
    template = load_template(DEPLOY / "pipeline/deploy_roles.yaml", {"NamePrefix": "try", **parameters}, APP.region)
    return {one["RoleName"]: one for one in resolved(template, APP).of_type("AWS::IAM::Role").values()}


def _policies(role: Any) -> list[Any]:
    return [one["PolicyDocument"] for one in role["Policies"]]


def _lets_in(roles: dict[str, Any], principal: str) -> bool:
    request = AccessRequest(principal, "sts:AssumeRole", DEPLOY_ROLE, {"aws:SecureTransport": "true"})
    return resource_policy_admits(roles["try-deploy"]["AssumeRolePolicyDocument"], request)


def test_without_a_pipeline_nobody_is_let_in() -> None:
    roles = _roles()

    assert not _lets_in(roles, STAGING)
    assert not _lets_in(roles, f"arn:aws:iam::{ACCOUNT_1}:root")


def test_only_the_named_pipeline_is_let_in() -> None:
    roles = _roles(PipelineRoleArn=STAGING)

    assert _lets_in(roles, STAGING)
    assert not _lets_in(roles, f"arn:aws:iam::{ACCOUNT_1}:role/myapp-pipeline-test")
    assert not _lets_in(roles, f"arn:aws:iam::{ACCOUNT_1}:role/myapp-app")
    assert not _lets_in(roles, f"arn:aws:iam::{WAREHOUSE.account_id}:role/myapp-pipeline-staging")


def test_only_the_environments_own_job_of_the_repository_is_let_in() -> None:
    roles = _roles(GitHubRepository="our/myapp", GitHubEnvironment="production")

    [statement] = [
        one for one in roles["try-deploy"]["AssumeRolePolicyDocument"]["Statement"] if one["Effect"] == "Allow"
    ]

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"]["StringEquals"] == {
        "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
        "token.actions.githubusercontent.com:sub": "repo:our/myapp:environment:production",
    }


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/try-app/1", True),
        ("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/other-app/1", False),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/try-app/1", False),
        ("s3:PutObject", f"arn:aws:s3:::try-artifacts-{ACCOUNT_1}/app/code", True),
        ("s3:GetObject", f"arn:aws:s3:::try-unloads-{ACCOUNT_1}/data", False),
        ("iam:PutRolePolicy", DEPLOY_ROLE, False),
        ("lambda:UpdateFunctionCode", f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:try-upsert-report", False),
    ],
)
def test_a_pipeline_may_make_change_sets_and_little_else(action: str, resource: str, is_allowed: bool) -> None:
    roles = _roles(PipelineRoleArn=STAGING)

    assert (
        identity_policies_admit(_policies(roles["try-deploy"]), AccessRequest(DEPLOY_ROLE, action, resource))
        is is_allowed
    )


@pytest.mark.parametrize(
    ("role", "is_allowed"),
    [
        ("try-upsert", True),
        ("try-deploy", False),
        ("try-cloudformation", False),
        ("try-pipeline", False),
        ("other", False),
    ],
)
def test_a_deployment_can_not_widen_what_deployments_may_do(role: str, is_allowed: bool) -> None:
    roles = _roles(PipelineRoleArn=STAGING)
    resource = f"arn:aws:iam::{ACCOUNT_1}:role/{role}"
    request = AccessRequest(f"arn:aws:iam::{ACCOUNT_1}:role/try-cloudformation", "iam:PutRolePolicy", resource)

    assert identity_policies_admit(_policies(roles["try-cloudformation"]), request) is is_allowed


@pytest.mark.parametrize(
    ("account", "template"), [("app", shipped_templates()["app"]), ("warehouse", warehouse_template())]
)
def test_a_deployment_may_attach_each_policy_that_a_template_names(account: str, template: Template) -> None:
    statements = [one for policy in _policies(_roles()["try-cloudformation"]) for one in policy["Statement"]]
    [attaching] = [one for one in statements if "iam:AttachRolePolicy" in one["Action"]]
    allowed = attaching["Condition"]["ArnLike"]["iam:PolicyARN"]
    roles = resolved(template, ACCOUNTS[account]).of_type("AWS::IAM::Role").values()
    attached = {arn for role in roles for arn in role.get("ManagedPolicyArns", ()) if ":aws:policy/" in arn}

    assert attached
    assert {arn for arn in attached if not any(fnmatchcase(arn, pattern) for pattern in allowed)} == set()
