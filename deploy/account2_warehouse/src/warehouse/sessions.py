"""AWS sessions as another role, and the database users that come with them."""

import json
from typing import TYPE_CHECKING, Final, TypedDict

import boto3

from warehouse.errors import aws_errors
from warehouse.statements import Warehouse

if TYPE_CHECKING:
    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef


class _Keys(TypedDict):
    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str


# What keeps ga4_ops ends its statement before the shortest of its functions, 120 s, is ended with it under way.
_OPS_WAIT_SECONDS: Final = 75.0

# The refresh function's role may do more than these: what borrows its database user may not.
_STATEMENTS_ONLY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["redshift-data:*", "redshift-serverless:GetCredentials"], "Resource": "*"}
        ],
    }
)


def assumed_session(role_arn: str, session_name: str) -> boto3.Session:
    """Return a session as the role, for an hour.

    Raises TerminalError when the role may not be assumed, TransientError when STS fails.
    """
    return boto3.Session(**_assumed_keys(role_arn, session_name))


def assumed_warehouse(role_arn: str, session_name: str, workgroup: str, database: str) -> Warehouse:
    """Return the Data API as the role's database user, for an hour. Raises as `assumed_session`."""
    return Warehouse(_data_api(_assumed_keys(role_arn, session_name)), workgroup, database)


def ops_warehouse(refresh_role_arn: str, workgroup: str, database: str) -> Warehouse:
    """Return the Data API as the database user that keeps `ga4_ops`, that of the refresh function's role."""
    client = _data_api(_assumed_keys(refresh_role_arn, "keep-ops", _STATEMENTS_ONLY))
    return Warehouse(client, workgroup, database, max_wait_seconds=_OPS_WAIT_SECONDS)


def _data_api(keys: _Keys) -> "RedshiftDataAPIServiceClient":
    # A session of its own would parse botocore's descriptions of the service again, at every event.
    return boto3.client("redshift-data", **keys)


def _assumed_keys(role_arn: str, session_name: str, policy: str | None = None) -> _Keys:
    call: AssumeRoleRequestTypeDef = {"RoleArn": role_arn, "RoleSessionName": session_name}
    if policy is not None:
        call["Policy"] = policy
    with aws_errors(f"assume the role {role_arn}"):
        credentials = boto3.client("sts").assume_role(**call)["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
