"""A provisioned cluster hands out temporary passwords to IAM roles, and keeps roles of its own."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.aws import REGION_1
from tests.deploy.local.redshift.conftest import WORKGROUP, Cloud

CLUSTER = WORKGROUP.cluster


def test_credentials_belong_to_the_callers_role_and_expire(cloud: Cloud) -> None:
    given = cloud.client("redshift", "loader").get_cluster_credentials_with_iam(
        ClusterIdentifier=CLUSTER.identifier, DbName=cloud.database, DurationSeconds=1800
    )

    assert given["DbUser"] == "IAMR:loader"
    assert timedelta(minutes=29) < given["Expiration"] - datetime.now(UTC) <= timedelta(minutes=30)


def test_workgroup_and_cluster_do_not_lock_each_other_out(cloud: Cloud) -> None:
    in_workgroup = cloud.client("redshift-serverless", "loader").get_credentials(workgroupName=WORKGROUP.name)

    in_cluster = cloud.client("redshift", "loader").get_cluster_credentials_with_iam(
        ClusterIdentifier=CLUSTER.identifier
    )

    assert in_cluster["DbPassword"] == in_workgroup["dbPassword"]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ({"ClusterIdentifier": "other"}, "ClusterNotFound"),
        ({"ClusterIdentifier": CLUSTER.identifier, "DbName": "other"}, "InvalidParameterValue"),
        ({"ClusterIdentifier": CLUSTER.identifier, "DurationSeconds": 60}, "ValidationException"),
        ({"CustomDomainName": "warehouse.example.com"}, "ClusterNotFound"),
    ],
)
def test_wrong_requests_for_credentials_are_refused(cloud: Cloud, arguments: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError) as refused:
        cloud.client("redshift", "loader").get_cluster_credentials_with_iam(**arguments)
    assert refused.value.response["Error"]["Code"] == code


def test_the_cluster_is_found_in_its_own_region_only(cloud: Cloud) -> None:
    [found] = cloud.client("redshift", "loader").describe_clusters(ClusterIdentifier=CLUSTER.identifier)["Clusters"]

    assert found["Endpoint"] == {"Address": "localhost", "Port": cloud.port}
    with pytest.raises(ClientError, match="ClusterNotFound"):
        cloud.client("redshift", "loader", REGION_1).describe_clusters(ClusterIdentifier=CLUSTER.identifier)
