"""Whether roles and buckets allow what the line needs, and only to those who need it."""

from collections.abc import Iterator
from typing import Final

from deploy.local.aws.policy import AccessRequest
from tests.architecture.wiring.needs import Needs, role_needs, role_trust
from tests.architecture.wiring.policies import (
    STRANGER,
    bucket_admits,
    bucket_statements,
    is_bound,
    role_may,
    role_trusts,
)
from tests.architecture.wiring.stacks import Properties, Stack

_APPFLOW_BUCKET: Final = ("s3:ListBucketMultipartUploads", "s3:GetBucketAcl")
_APPFLOW_OBJECTS: Final = (
    "s3:PutObject",
    "s3:AbortMultipartUpload",
    "s3:ListMultipartUploadParts",
    "s3:PutObjectAcl",
)

# Services that act for many accounts: their roles must name ours, or somebody else's resource could use them.
_ACT_FOR_OTHERS: Final = ("appflow", "events", "redshift", "redshift-serverless", "scheduler")


def right_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    """Say which role lacks a right, or may be assumed by the wrong one."""
    needs, trust = role_needs(stacks), role_trust(stacks)
    for name, stack in stacks.items():
        for role_name, role in stack.of_type("AWS::IAM::Role").items():
            if role_name not in needs[name]:
                yield f"{role_name} is no role of the line: name it in role_needs and role_trust."
                continue
            yield from (f"{role_name} {one}" for one in _lacking(role, needs[name][role_name]))
            yield from (f"{role_name} {one}" for one in _trust_problems(stack, role, trust[name][role_name]))
    yield from _bucket_problems(stacks)


def _lacking(role: Properties, needs: Needs) -> Iterator[str]:
    for resource, actions in needs.items():
        for action in actions:
            if not role_may(role, action, resource):
                yield f"may not do {action} on {resource}."
    for policy in role.get("Policies", ()):
        for statement in policy["PolicyDocument"]["Statement"]:
            if not is_bound(statement):
                yield f"may do {statement['Action']} on everything."


def _trust_problems(stack: Stack, role: Properties, trusted: tuple[str, ...]) -> Iterator[str]:
    for principal in trusted:
        own = {**_said_by(principal, stack, stack.account.account_id), **_source_of(role, stack)}
        other = {**own, **_said_by(principal, stack, STRANGER)}
        if not role_trusts(role, principal, own):
            yield f"does not trust {principal}."
        if principal.split(".")[0] in _ACT_FOR_OTHERS and role_trusts(role, principal, other):
            yield f"trusts {principal} for any account."
        if principal.startswith("arn:") and role_trusts(role, f"{principal}-other", own):
            yield f"trusts any role of the account of {principal}."


def _said_by(principal: str, stack: Stack, account_id: str) -> dict[str, str]:
    """Return what a service says of the account that it acts for; Redshift names the database user."""
    if principal.startswith("redshift"):
        return {"sts:ExternalId": f"arn:aws:redshift:{stack.account.region}:{account_id}:dbuser:any/user"}
    return {"aws:SourceAccount": account_id}


def _source_of(role: Properties, stack: Stack) -> dict[str, str]:
    """Return the rule that uses a role: EventBridge says so when it assumes it."""
    for rule_name, rule in stack.of_type("AWS::Events::Rule").items():
        for target in rule.get("Targets", ()):
            if target.get("RoleArn", "").endswith(f"/{role.get('RoleName')}"):
                return {"aws:SourceArn": stack.arns[rule_name]}
    return {}


def _bucket_problems(stacks: dict[str, Stack]) -> Iterator[str]:
    for stack in stacks.values():
        for name, bucket in stack.of_type("AWS::S3::Bucket").items():
            yield from (f"{name}: {one}" for one in _safety_problems(stack, name, bucket))
    for name in ("IntermediateBucket", "ErrorBucket"):
        yield from (f"{name}: {one}" for one in _appflow_problems(stacks["warehouse"], name))


def _safety_problems(stack: Stack, name: str, bucket: Properties) -> Iterator[str]:
    blocks = bucket.get("PublicAccessBlockConfiguration", {})
    if len(blocks) != 4 or not all(blocks.values()):
        yield "its PublicAccessBlockConfiguration does not block everything."
    if bucket.get("OwnershipControls", {}).get("Rules") != [{"ObjectOwnership": "BucketOwnerEnforced"}]:
        yield "its OwnershipControls do not make the account own what is written."
    for member in ("BucketEncryption", "LifecycleConfiguration"):
        if member not in bucket:
            yield f"it has no {member}."
    arn = stack.arns[name]
    closed = {"Bool": {"aws:SecureTransport": "false"}}
    if not any(
        (one["Effect"], one["Principal"], one["Action"], one.get("Condition")) == ("Deny", "*", "s3:*", closed)
        and set(one["Resource"]) == {arn, f"{arn}/*"}
        for one in bucket_statements(stack, name)
    ):
        yield f"no policy of {name} refuses what comes without TLS."


def _appflow_problems(stack: Stack, name: str) -> Iterator[str]:
    arn, principal = stack.arns[name], "appflow.amazonaws.com"
    for actions, resource in ((_APPFLOW_BUCKET, arn), (_APPFLOW_OBJECTS, f"{arn}/rows")):
        for action in actions:
            own = {"aws:SourceAccount": stack.account.account_id}
            if not bucket_admits(stack, name, AccessRequest(principal, action, resource, own)):
                yield f"no policy of {name} lets {principal} do {action}."
            if bucket_admits(stack, name, AccessRequest(principal, action, resource, {"aws:SourceAccount": STRANGER})):
                yield f"a policy of {name} lets {principal} do {action} for any account."
