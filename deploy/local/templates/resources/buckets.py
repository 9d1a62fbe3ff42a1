"""S3 buckets and their policies: CloudFormation's names for things, put into the API's."""

import json
from typing import Any

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created
from deploy.local.templates.resources.messaging import queue_has_policy


def create_bucket(bucket: Declaration) -> Created:
    """Make a bucket and configure it."""
    client = bucket.stack.client("s3")
    name = str(bucket.properties.get("BucketName") or bucket.made_name().lower())
    _make(client, name, bucket.stack.account.region)
    for member, configure in _CONFIGURATIONS.items():
        if member in bucket.properties:
            configure(client, name, bucket.properties[member])
    if "NotificationConfiguration" in bucket.properties:
        _notify(client, name, bucket)
    return Created(name, {"Arn": f"arn:aws:s3:::{name}"})


def create_bucket_policy(policy: Declaration) -> Created:
    """Set a bucket's policy."""
    name = policy.properties["Bucket"]
    policy.stack.client("s3").put_bucket_policy(Bucket=name, Policy=json.dumps(policy.properties["PolicyDocument"]))
    return Created(name)


def _make(client: Any, name: str, region: str) -> None:
    placed = {} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}
    owned = [one["Name"] for one in client.list_buckets()["Buckets"]]
    if name not in owned:
        client.create_bucket(Bucket=name, **placed)


def _notify(client: Any, name: str, bucket: Declaration) -> None:
    place = "NotificationConfiguration"
    others = bucket.properties[place].keys() - {"QueueConfigurations"}
    if others:
        raise bucket.error(f"only queues are notified here, not {sorted(others)}.", place)
    wanted = [_queue_configuration(one) for one in bucket.properties[place]["QueueConfigurations"]]
    for one in wanted:
        # S3 tries each queue when it is named; the policy must be there before, or the deployment fails.
        if not queue_has_policy(bucket, one["QueueArn"]):
            raise bucket.error(f"{one['QueueArn']} has no policy yet: let the bucket depend on its QueuePolicy.", place)
    client.put_bucket_notification_configuration(Bucket=name, NotificationConfiguration={"QueueConfigurations": wanted})


def _queue_configuration(declared: dict[str, Any]) -> dict[str, Any]:
    rules = declared.get("Filter", {}).get("S3Key", {}).get("Rules", [])
    key = {"FilterRules": [{"Name": one["Name"], "Value": one["Value"]} for one in rules]}
    return {"QueueArn": declared["Queue"], "Events": [declared["Event"]], "Filter": {"Key": key}}


def _encrypt(client: Any, name: str, declared: dict[str, Any]) -> None:
    rules = [
        {"ApplyServerSideEncryptionByDefault": one["ServerSideEncryptionByDefault"]}
        for one in declared["ServerSideEncryptionConfiguration"]
    ]
    client.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": rules})


def _set_lifecycle(client: Any, name: str, declared: dict[str, Any]) -> None:
    rules = [_lifecycle_rule(rule) for rule in declared["Rules"]]
    client.put_bucket_lifecycle_configuration(Bucket=name, LifecycleConfiguration={"Rules": rules})


def _lifecycle_rule(declared: dict[str, Any]) -> dict[str, Any]:
    rule = {key: value for key, value in declared.items() if key not in ("Id", "Prefix", "ExpirationInDays")}
    rule["Filter"] = {"Prefix": declared.get("Prefix", "")}
    if "Id" in declared:
        rule["ID"] = declared["Id"]
    if "ExpirationInDays" in declared:
        rule["Expiration"] = {"Days": int(declared["ExpirationInDays"])}
    return rule


_CONFIGURATIONS = {
    "VersioningConfiguration": lambda client, name, declared: client.put_bucket_versioning(
        Bucket=name, VersioningConfiguration=declared
    ),
    "PublicAccessBlockConfiguration": lambda client, name, declared: client.put_public_access_block(
        Bucket=name, PublicAccessBlockConfiguration=declared
    ),
    "OwnershipControls": lambda client, name, declared: client.put_bucket_ownership_controls(
        Bucket=name, OwnershipControls=declared
    ),
    "BucketEncryption": _encrypt,
    "LifecycleConfiguration": _set_lifecycle,
}
