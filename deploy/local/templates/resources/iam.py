"""IAM roles and policies."""

import json
from typing import Any

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created

# They allow what the runner does for a function anyway (write its log, read its queue, reach its network), or
# what nothing here takes: traces.
_MANAGED_WITHOUT_EFFECT = frozenset(
    f"arn:aws:iam::aws:policy/{name}"
    for name in (
        "service-role/AWSLambdaBasicExecutionRole",
        "service-role/AWSLambdaSQSQueueExecutionRole",
        "service-role/AWSLambdaVPCAccessExecutionRole",
        "AWSXRayDaemonWriteAccess",
        "AWSXrayWriteOnlyAccess",
    )
)


def create_role(role: Declaration) -> Created:
    """Make a role with its inline policies, or bring it up to date."""
    client = role.stack.client("iam")
    name = role.name("RoleName")
    _make_role(client, name, role)
    for policy in role.properties.get("Policies", ()):
        # SAM writes some without a version, as IAM allows; moto does not.
        document = json.dumps({"Version": "2012-10-17", **policy["PolicyDocument"]})
        client.put_role_policy(RoleName=name, PolicyName=policy["PolicyName"], PolicyDocument=document)
    for arn in role.properties.get("ManagedPolicyArns", ()):
        if arn not in _MANAGED_WITHOUT_EFFECT:
            _attach(client, name, arn, role)
    made = client.get_role(RoleName=name)["Role"]
    return Created(name, {"Arn": made["Arn"], "RoleId": made["RoleId"]})


def _make_role(client: Any, name: str, role: Declaration) -> None:
    trust = json.dumps(role.properties["AssumeRolePolicyDocument"])
    more = role.pick("Description", "MaxSessionDuration")
    try:
        client.create_role(RoleName=name, AssumeRolePolicyDocument=trust, **role.pick("Path"), **more)
    except client.exceptions.EntityAlreadyExistsException:
        client.update_assume_role_policy(RoleName=name, PolicyDocument=trust)
        client.update_role(RoleName=name, **more)


def _attach(client: Any, role_name: str, arn: str, declaration: Declaration) -> None:
    try:
        client.attach_role_policy(RoleName=role_name, PolicyArn=arn)
    except client.exceptions.NoSuchEntityException as error:
        problem = f"policy {arn} does not exist here: write out what the role needs."
        raise declaration.error(problem, "ManagedPolicyArns") from error


def create_policy(policy: Declaration) -> Created:
    """Put an inline policy into each role it names."""
    client = policy.stack.client("iam")
    name = policy.name("PolicyName")
    document = json.dumps(policy.properties["PolicyDocument"])
    for role_name in policy.properties["Roles"]:
        client.put_role_policy(RoleName=role_name, PolicyName=name, PolicyDocument=document)
    return Created(name)


def create_managed_policy(policy: Declaration) -> Created:
    """Make a policy of the account's own, or give it a new version, and attach it to the roles it names."""
    client = policy.stack.client("iam")
    name, path = policy.name("ManagedPolicyName"), policy.properties.get("Path", "/")
    document = json.dumps(policy.properties["PolicyDocument"])
    arn = f"arn:aws:iam::{policy.stack.account.account_id}:policy{path}{name}"
    try:
        client.create_policy(PolicyName=name, Path=path, PolicyDocument=document)
    except client.exceptions.EntityAlreadyExistsException:
        _renew_policy(client, arn, document)
    for role_name in policy.properties.get("Roles", ()):
        _attach(client, role_name, arn, policy)
    return Created(arn, {"PolicyArn": arn})


def _renew_policy(client: Any, arn: str, document: str) -> None:
    current = client.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
    held = client.get_policy_version(PolicyArn=arn, VersionId=current)["PolicyVersion"]["Document"]
    if held != json.loads(document):
        client.create_policy_version(PolicyArn=arn, PolicyDocument=document, SetAsDefault=True)
        client.delete_policy_version(PolicyArn=arn, VersionId=current)  # a policy holds five versions at most
