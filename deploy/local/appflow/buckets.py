"""The buckets AppFlow works with: theirs is the last word on whether it may write into them."""

import functools
import json
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.appflow.errors import RunFailedError
from deploy.local.aws.policy import AccessRequest, resource_policy_admits

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_PRINCIPAL: Final = "appflow.amazonaws.com"
# Everything the documentation of AppFlow's bucket policies asks for.
_OBJECT_ACTIONS: Final = ("s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts", "s3:PutObjectAcl")
_BUCKET_ACTIONS: Final = ("s3:ListBucketMultipartUploads", "s3:GetBucketAcl")


class Buckets:
    """S3 as AppFlow sees it when it works for a flow of one account."""

    def __init__(self, endpoint_url: str, account_id: str, region: str) -> None:
        self._account_id = account_id
        self._client = _client(endpoint_url, account_id, region)

    def problem(self, bucket: str, flow_arn: str) -> str | None:
        """Say why AppFlow can't use a bucket for a flow, or return None."""
        try:
            policy = json.loads(self._client.get_bucket_policy(Bucket=bucket)["Policy"])
        except (ClientError, BotoCoreError) as error:
            return f"the bucket {bucket} or its policy can't be read: {error}"
        arn = f"arn:aws:s3:::{bucket}"
        wanted = [*((action, f"{arn}/*") for action in _OBJECT_ACTIONS), *((action, arn) for action in _BUCKET_ACTIONS)]
        context = {"aws:SourceAccount": self._account_id, "aws:SourceArn": flow_arn}
        for action, resource in wanted:
            if not resource_policy_admits(policy, AccessRequest(_PRINCIPAL, action, resource, context)):
                return f"the policy of the bucket {bucket} does not let {_PRINCIPAL} do {action}"
        return None

    def put_json_lines(self, bucket: str, key: str, records: list[dict[str, Any]], flow_arn: str) -> None:
        """Write records as one object, a line each. Raises RunFailedError where the bucket does not take it."""
        if problem := self.problem(bucket, flow_arn):
            raise RunFailedError(f"The failed records can't be written: {problem}.")
        body = "".join(json.dumps(record) + "\n" for record in records)
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=body.encode())
        except (ClientError, BotoCoreError) as error:
            raise RunFailedError(f"The failed records can't be written to {bucket}: {error}") from error


@functools.cache
def _client(endpoint_url: str, account_id: str, region: str) -> "S3Client":
    # Making a client takes longer than a short run; one serves all threads.
    return boto3.client(
        "s3",
        endpoint_url=endpoint_url,
        region_name=region,
        aws_access_key_id=account_id,
        aws_secret_access_key="local",  # noqa: S106 - signatures are not verified locally
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 2}),
    )
