"""Redshift Serverless hands out temporary passwords and says where the workgroup is."""

from datetime import UTC, datetime, timedelta

import pytest
from botocore.exceptions import ClientError

from tests.aws import REGION_1
from tests.deploy.local.redshift.conftest import Cloud


def test_credentials_belong_to_the_callers_role_and_expire(cloud: Cloud) -> None:
    given = cloud.client("redshift-serverless", "loader").get_credentials(
        workgroupName="warehouse", dbName=cloud.database, durationSeconds=1800
    )
    assert given["dbUser"] == "IAMR:loader"
    remaining = given["expiration"] - datetime.now(UTC)
    assert timedelta(minutes=29) < remaining <= timedelta(minutes=30)


def test_credentials_given_earlier_still_log_in(cloud: Cloud) -> None:
    serverless = cloud.client("redshift-serverless", "loader")
    first = serverless.get_credentials(workgroupName="warehouse")
    serverless.get_credentials(workgroupName="warehouse")
    with cloud.stand_in.warehouse.postgres.connect(cloud.database) as admin:
        until = admin.execute("SELECT rolvaliduntil FROM pg_roles WHERE rolname = 'IAMR:loader'").fetchone()
    assert until is not None
    assert until[0] >= first["expiration"].replace(microsecond=0)
    assert serverless.get_credentials(workgroupName="warehouse")["dbPassword"] == first["dbPassword"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"workgroupName": "other"}, "ResourceNotFoundException"),
        ({"workgroupName": "warehouse", "dbName": "other"}, "ResourceNotFoundException"),
        ({"workgroupName": "warehouse", "durationSeconds": 60}, "ValidationException"),
    ],
)
def test_wrong_requests_for_credentials_are_refused(cloud: Cloud, arguments: dict[str, object], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("redshift-serverless", "loader").get_credentials(**arguments)
    assert refused.value.response["Error"]["Code"] == code


def test_the_workgroup_is_found_in_its_own_region_only(cloud: Cloud) -> None:
    workgroup = cloud.client("redshift-serverless", "loader").get_workgroup(workgroupName="warehouse")["workgroup"]
    assert workgroup["endpoint"]["address"] == "localhost"
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        cloud.client("redshift-serverless", "loader", REGION_1).get_workgroup(workgroupName="warehouse")
