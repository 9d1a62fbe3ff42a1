"""CloudFormation's role may do what each resource type of the stacks takes, as CloudFormation's own schemas say it."""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from deploy.local.accounts import APP
from deploy.local.aws.policy import AccessRequest, identity_policies_admit
from deploy.local.templates.sam import load_template
from deploy.stacks.declared import DEPLOY, Stack, declared_stacks
from tests.architecture.wiring.stacks import ACCOUNTS, resolved, shipped_templates, warehouse_template

STACKS: Final = [stack for stack in declared_stacks() if not stack.by_person]
HANDLERS: Final = ("create", "read", "update", "delete")

# What a type takes only for a property that our templates do not set, or that a deployment shall not do.
UNUSED: Final = (
    "billing:GetBillingViewData",  # a budget over a billing view
    "cognito-idp:*",  # a listener that logs people in
    "docdb-elastic:*",  # a secret of another database
    "elasticfilesystem:*",  # a function with a file system
    "firehose:*",  # logs that are sent on
    "iam:*Group*",  # policies of groups and users
    "iam:*User*",
    "iam:DeleteRolePermissionsBoundary",  # denied: it would set a role free
    "kinesis:*",  # a table's stream
    "managed-fleets:*",  # hosts that AWS manages
    "redshift:DeleteResourcePolicy",  # a namespace that is shared with another account
    "redshift:DescribeClusters",  # a secret of another database
    "redshift:PutResourcePolicy",
    "s3files:*",  # a function with a file system
    "s3tables:*",  # a bucket's tables of metadata
    "ssm:Get*",  # a group's image by parameter: the parameter is the template's, see ssm:GetParameters
    "vpc-lattice:*",  # other networks' services
    "vpce:AllowMultiRegion",  # an endpoint in another region
)


# Whose role AWS makes by itself the first time one of these is made (None: only for what ours do not have).
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_aws-services-that-work-with-iam.html
LINKED: Final[Mapping[str, str | None]] = {
    "AWS::AutoScaling::AutoScalingGroup": "autoscaling.amazonaws.com",
    "AWS::Chatbot::SlackChannelConfiguration": "management.chatbot.amazonaws.com",
    "AWS::DynamoDB::Table": None,  # for replicas and for capacity that grows by itself
    "AWS::EC2::FlowLog": None,  # for flow logs that go to S3
    "AWS::ElastiCache::ParameterGroup": "elasticache.amazonaws.com",
    "AWS::ElastiCache::ReplicationGroup": "elasticache.amazonaws.com",
    "AWS::ElasticLoadBalancingV2::LoadBalancer": "elasticloadbalancing.amazonaws.com",
    "AWS::EventSchemas::Discoverer": "schemas.amazonaws.com",
    "AWS::RDS::DBInstance": "rds.amazonaws.com",
    "AWS::RDS::DBParameterGroup": "rds.amazonaws.com",
    "AWS::RDS::DBSubnetGroup": "rds.amazonaws.com",
    "AWS::RedshiftServerless::Namespace": "redshift.amazonaws.com",
}


def _role() -> Mapping[str, Any]:
    template = load_template(DEPLOY / "pipeline/deploy_roles.yaml", {"NamePrefix": "try"}, APP.region)
    roles = resolved(template, APP).of_type("AWS::IAM::Role").values()
    [role] = [one for one in roles if one["RoleName"] == "try-cloudformation"]
    return role


def _allowed() -> list[str]:
    statements = [one for policy in _role()["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    return [action for one in statements if one["Effect"] == "Allow" for action in _listed(one["Action"])]


def _may_link(service: str) -> bool:
    arn = f"arn:aws:iam::{APP.account_id}:role/aws-service-role/{service}/any"
    role = f"arn:aws:iam::{APP.account_id}:role/try-cloudformation"
    request = AccessRequest(role, "iam:CreateServiceLinkedRole", arn, {"iam:AWSServiceName": service})
    return identity_policies_admit([one["PolicyDocument"] for one in _role()["Policies"]], request)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def _types(stack: Stack) -> set[str]:
    """Return a stack's resource types, as SAM expands them."""
    if not stack.has_code:
        return {one["Type"] for one in stack.document["Resources"].values()}
    template = shipped_templates()["app"] if stack.account == "app" else warehouse_template()
    return set(resolved(template, ACCOUNTS[stack.account]).types.values())


def _taken(kind: str) -> Iterator[str]:
    handlers = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema["handlers"]
    for name in HANDLERS:
        yield from handlers.get(name, {}).get("permissions", ())


def _is_any(action: str, patterns: Any) -> bool:
    return any(fnmatchcase(action.lower(), pattern.lower()) for pattern in patterns)


@pytest.mark.parametrize("stack", STACKS, ids=lambda stack: stack.name)
def test_cloudformation_may_do_what_a_stacks_resources_take(stack: Stack) -> None:
    allowed = [*_allowed(), *UNUSED]
    refused = {kind: {action for action in _taken(kind) if not _is_any(action, allowed)} for kind in _types(stack)}

    assert {kind: actions for kind, actions in refused.items() if actions} == {}


def test_the_services_that_need_a_role_of_their_own_get_one_and_no_others_do() -> None:
    made = {service for stack in STACKS for kind in _types(stack) if (service := LINKED.get(kind))}
    [named] = [
        one["Condition"]["StringEquals"]["iam:AWSServiceName"]
        for policy in _role()["Policies"]
        for one in policy["PolicyDocument"]["Statement"]
        if one["Action"] == "iam:CreateServiceLinkedRole"
    ]

    assert made == set(LINKED.values()) - {None}
    assert [service for service in made if not _may_link(service)] == []
    assert set(named) == made
    assert not _may_link("lex.amazonaws.com")


def test_every_type_that_takes_a_role_of_its_own_is_known() -> None:
    types = {kind for stack in STACKS for kind in _types(stack)}

    assert {kind for kind in types if "iam:CreateServiceLinkedRole" in _taken(kind)} - LINKED.keys() == set()


def test_nothing_is_left_out_that_no_type_takes() -> None:
    taken = {action for stack in STACKS for kind in _types(stack) for action in _taken(kind)}

    assert [one for one in UNUSED if not any(_is_any(action, [one]) for action in taken)] == []
