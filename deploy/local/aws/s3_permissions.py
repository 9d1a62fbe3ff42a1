"""Bucket policies, as far as moto asks them.

moto's S3 asks a bucket's policy before it touches an object, but reads no conditions: a statement that denies
plain HTTP would deny everything. Traffic between the emulated services counts as encrypted, and who may write is
told by the role chain, so statements with a condition are left out here.
"""

import json
from typing import Any

from moto.iam.access_control import IAMPolicy, PermissionResult
from moto.s3.models import FakeBucket


def install() -> None:
    """Let moto's buckets judge by this module; installing again changes nothing."""
    FakeBucket.get_permission = _permission  # type: ignore[method-assign, assignment]


def _permission(bucket: FakeBucket, action: str, resource: str) -> PermissionResult:
    policy: dict[str, Any] = json.loads(bucket.policy) if bucket.policy else {}
    statements = [statement for statement in policy.get("Statement", []) if "Condition" not in statement]
    if not statements:
        return PermissionResult.NEUTRAL
    return IAMPolicy(json.dumps({**policy, "Statement": statements})).is_action_permitted(action, resource)
