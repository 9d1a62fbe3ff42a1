"""AWS sessions as another role, and the database users that come with them."""

from typing import TYPE_CHECKING, Final, TypedDict

import boto3

from warehouse.errors import aws_errors
from warehouse.location import WarehouseLocation
from warehouse.statements import Warehouse

if TYPE_CHECKING:
    from mypy_boto3_redshift_data import RedshiftDataAPIServiceClient


class _Keys(TypedDict):
    aws_access_key_id: str
    aws_secret_access_key: str
    aws_session_token: str


# What keeps ga4_ops ends its statement before the shortest of its functions, 120 s, is ended with it under way.
_OPS_WAIT_SECONDS: Final = 75.0


def assumed_session(role_arn: str, session_name: str) -> boto3.Session:
    """Return a session as the role, for an hour.

    Raises TerminalError when the role may not be assumed, TransientError when STS fails.
    """
    return boto3.Session(**_assumed_keys(role_arn, session_name))


def assumed_warehouse(role_arn: str, session_name: str, location: WarehouseLocation) -> Warehouse:
    """Return the Data API as the role's database user, for an hour. Raises as `assumed_session`."""
    return Warehouse(_data_api(_assumed_keys(role_arn, session_name)), location)


def ops_warehouse(location: WarehouseLocation) -> Warehouse:
    """Return the Data API as the database user of the function's own role, for what it keeps in `ga4_ops`."""
    return Warehouse(boto3.client("redshift-data"), location, max_wait_seconds=_OPS_WAIT_SECONDS)


def _data_api(keys: _Keys) -> "RedshiftDataAPIServiceClient":
    # A session of its own would parse botocore's descriptions of the service again, at every event.
    return boto3.client("redshift-data", **keys)


def _assumed_keys(role_arn: str, session_name: str) -> _Keys:
    with aws_errors(f"assume the role {role_arn}"):
        credentials = boto3.client("sts").assume_role(RoleArn=role_arn, RoleSessionName=session_name)["Credentials"]
    return {
        "aws_access_key_id": credentials["AccessKeyId"],
        "aws_secret_access_key": credentials["SecretAccessKey"],
        "aws_session_token": credentials["SessionToken"],
    }
