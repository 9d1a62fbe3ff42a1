"""CloudFormation's role may do what each resource type of the stacks takes, as CloudFormation's own schemas say it."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from typing import Any, Final

import pytest
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from deploy.local.accounts import APP
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


def _allowed() -> list[str]:
    template = load_template(DEPLOY / "pipeline/deploy_roles.yaml", {"NamePrefix": "try"}, APP.region)
    roles = resolved(template, APP).of_type("AWS::IAM::Role").values()
    [role] = [one for one in roles if one["RoleName"] == "try-cloudformation"]
    statements = [one for policy in role["Policies"] for one in policy["PolicyDocument"]["Statement"]]
    return [action for one in statements if one["Effect"] == "Allow" for action in _listed(one["Action"])]


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


def test_nothing_is_left_out_that_no_type_takes() -> None:
    taken = {action for stack in STACKS for kind in _types(stack) for action in _taken(kind)}

    assert [one for one in UNUSED if not any(_is_any(action, [one]) for action in taken)] == []
