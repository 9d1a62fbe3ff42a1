"""Who may deploy: the roles as CloudFormation would make them, asked by an evaluation of their policies."""

from typing import Any, Final

import pytest

from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.aws.policy import AccessRequest, identity_policies_admit, resource_policy_admits
from deploy.local.templates.sam import load_template
from deploy.stacks.declared import DEPLOY, declared_stacks
from tests.architecture.wiring.stacks import resolved

ACCOUNT_1, REGION_1 = APP.account_id, APP.region
BOUNDARY: Final = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT_1}:policy/try-boundary"}
GITHUB: Final = "token.actions.githubusercontent.com"

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


@pytest.mark.parametrize("subject", ["", "repo:our@1/myapp@2"])
def test_only_the_environments_own_job_of_the_branchs_own_workflow_is_let_in(subject: str) -> None:
    roles = _roles(
        GitHubRepository="our/myapp", GitHubSubject=subject, GitHubEnvironment="production", GitHubBranch="release"
    )

    [statement] = [
        one for one in roles["try-deploy"]["AssumeRolePolicyDocument"]["Statement"] if one["Effect"] == "Allow"
    ]

    assert statement["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert statement["Condition"] == {
        "StringEquals": {
            f"{GITHUB}:aud": "sts.amazonaws.com",
            f"{GITHUB}:sub": f"{subject or 'repo:our/myapp'}:environment:production",
            f"{GITHUB}:ref": "refs/heads/release",
            f"{GITHUB}:job_workflow_ref": "our/myapp/.github/workflows/deploy-environment.yml@refs/heads/release",
        }
    }
    assert (DEPLOY.parent / ".github/workflows/deploy-environment.yml").is_file()


@pytest.mark.parametrize(
    ("action", "resource", "is_allowed"),
    [
        ("cloudformation:CreateChangeSet", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/try-app/1", True),
        ("cloudformation:ExecuteChangeSet", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/other-app/1", False),
        ("cloudformation:DeleteStack", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/try-app/1", False),
        *(
            (f"cloudformation:{action}", f"arn:aws:cloudformation:{REGION_1}:{ACCOUNT_1}:stack/try-{stack}/1", False)
            for action in ("CreateChangeSet", "ExecuteChangeSet")
            for stack in (one.name for one in declared_stacks() if one.by_person)
        ),
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


def _cloudformation_may(action: str, resource: str, **context: str) -> bool:
    request = AccessRequest(
        f"arn:aws:iam::{ACCOUNT_1}:role/try-cloudformation",
        f"iam:{action}",
        f"arn:aws:iam::{ACCOUNT_1}:{resource}",
        {name.replace("_", ":"): value for name, value in context.items()},
    )
    return identity_policies_admit(_policies(_roles(PipelineRoleArn=STAGING)["try-cloudformation"]), request)


@pytest.mark.parametrize(
    ("role", "is_allowed"),
    [
        ("try-upsert", True),
        ("try-deploy", False),
        ("try-cloudformation", False),
        ("try-pipeline", False),
        ("try-staging-deploy", False),
        ("try-staging-cloudformation", False),
        ("try-database-users", False),
        ("try-app-rotation-AppDatabaseSecretRotation-Role-1ABC", False),
        ("other", False),
    ],
)
@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "UpdateAssumeRolePolicy", "PassRole", "DeleteRole"])
def test_a_deployment_can_not_widen_what_deployments_may_do(action: str, role: str, is_allowed: bool) -> None:
    assert _cloudformation_may(action, f"role/{role}", **BOUNDARY) is is_allowed


@pytest.mark.parametrize("action", ["CreateRole", "PutRolePolicy", "PutRolePermissionsBoundary", "AttachRolePolicy"])
def test_a_role_gets_its_rights_within_the_boundary_only(action: str) -> None:
    policy = {"iam:PolicyARN": "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"}
    another = {"iam:PermissionsBoundary": f"arn:aws:iam::{ACCOUNT_1}:policy/try-chat-guardrail"}

    assert _cloudformation_may(action, "role/try-upsert", **policy, **BOUNDARY)
    assert not _cloudformation_may(action, "role/try-upsert", **policy)
    assert not _cloudformation_may(action, "role/try-upsert", **policy, **another)


def test_no_role_is_taken_out_of_the_boundary_and_none_made_an_administrator() -> None:
    administrator = {"iam:PolicyARN": "arn:aws:iam::aws:policy/AdministratorAccess"}

    assert not _cloudformation_may("DeleteRolePermissionsBoundary", "role/try-upsert", **BOUNDARY)
    assert not _cloudformation_may("AttachRolePolicy", "role/try-upsert", **administrator, **BOUNDARY)


@pytest.mark.parametrize("action", ["CreatePolicy", "CreatePolicyVersion", "DeletePolicyVersion", "DeletePolicy"])
def test_a_deployment_can_not_change_the_boundary(action: str) -> None:
    assert _cloudformation_may(action, "policy/try-chat-guardrail")
    assert not _cloudformation_may(action, "policy/try-boundary")
    assert not _cloudformation_may(action, "policy/try-staging-boundary")
