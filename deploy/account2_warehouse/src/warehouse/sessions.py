"""AWS sessions as another role, and the database users that come with them."""

import json
from typing import TYPE_CHECKING, Final

import boto3

from warehouse.errors import aws_errors
from warehouse.statements import Warehouse

if TYPE_CHECKING:
    from mypy_boto3_sts.type_defs import AssumeRoleRequestTypeDef

# The refresh function's role may do more than these: what borrows its database user may not.
_STATEMENTS_ONLY: Final = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": ["redshift-data:*", "redshift-serverless:GetCredentials"], "Resource": "*"}
        ],
    }
)


def assumed_session(role_arn: str, session_name: str, policy: str | None = None) -> boto3.Session:
    """Return a session as the role, for an hour; `policy` (JSON) narrows what it may do.

    Raises TerminalError when the role may not be assumed, TransientError when STS fails.
    """
    call: AssumeRoleRequestTypeDef = {"RoleArn": role_arn, "RoleSessionName": session_name}
    if policy is not None:
        call["Policy"] = policy
    with aws_errors(f"assume the role {role_arn}"):
        response = boto3.client("sts").assume_role(**call)
    credentials = response["Credentials"]
    return boto3.Session(
        aws_access_key_id=credentials["AccessKeyId"],
        aws_secret_access_key=credentials["SecretAccessKey"],
        aws_session_token=credentials["SessionToken"],
    )


def ops_warehouse(refresh_role_arn: str, workgroup: str, database: str) -> Warehouse:
    """Return the Data API as the database user that keeps `ga4_ops`, that of the refresh function's role."""
    session = assumed_session(refresh_role_arn, "keep-ops", _STATEMENTS_ONLY)
    return Warehouse(session.client("redshift-data"), workgroup, database)
