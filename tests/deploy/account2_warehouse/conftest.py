"""Account 2 as its stacks leave it, at the local AppFlow, Redshift and Secrets Manager."""

import json
from typing import Any

import pytest

from deploy.account2_warehouse.environment import Warehouse
from tests.aws import ACCOUNT_2, aws_client, aws_endpoint, clean_aws
from tests.deploy.local.appflow.account import COPY_ROLE, INGEST_ROLE, INTERMEDIATE_BUCKET, REFRESH_TOKEN, Account
from tests.deploy.local.appflow.conftest import bare_account, landing, make_account, property_folder, warehouse
from tests.deploy.local.redshift.conftest import WORKGROUP, Cloud, cloud, cloud_session, postgres

__all__ = [
    "aws_endpoint",
    "bare_account",
    "clean_aws",
    "cloud",
    "cloud_session",
    "landing",
    "make_account",
    "postgres",
    "property_folder",
    "warehouse",
]

SECRET = "myapp/google-oauth"
OAUTH = {"client_id": "the-client", "client_secret": "the-secret", "refresh_token": REFRESH_TOKEN}
OUTPUTS = {
    "GoogleSecretName": SECRET,
    "IntermediateBucketName": INTERMEDIATE_BUCKET,
    "AppFlowCopyRoleArn": COPY_ROLE,
    "AppFlowIngestRoleArn": INGEST_ROLE,
    "WorkgroupName": WORKGROUP.name,
    "DatabaseName": "ga4",
    "WarehouseConnectorProfile": "myapp-warehouse",
}


def put_secret(value: Any) -> None:
    """Put a value into Google's secret; texts as they are, other values as JSON."""
    text = value if isinstance(value, str) else json.dumps(value)
    aws_client("secretsmanager", ACCOUNT_2).put_secret_value(SecretId=SECRET, SecretString=text)


@pytest.fixture
def connecting(bare_account: Account) -> Warehouse:
    """Account 2 without connector profiles, and with Google's secret, in which nothing is yet."""
    aws_client("secretsmanager", ACCOUNT_2).create_secret(Name=SECRET)
    clients = {"appflow": bare_account.client, "secretsmanager": aws_client("secretsmanager", ACCOUNT_2)}
    return Warehouse(clients.__getitem__, OUTPUTS)


@pytest.fixture
def unprepared(cloud: Cloud, clean_aws: str) -> Warehouse:
    """Account 2 with a new warehouse, whose administrator's secret AWS keeps."""
    secret = {"username": cloud.stand_in.warehouse.postgres.user, "password": "never used"}
    for owner in (WORKGROUP, WORKGROUP.cluster):
        aws_client("secretsmanager", ACCOUNT_2).create_secret(
            Name=owner.administrator_secret, SecretString=json.dumps(secret)
        )
    serverless = cloud.client("redshift-serverless", "deployer")
    serverless.update_namespace(namespaceName=WORKGROUP.namespace, iamRoles=[])
    redshift, identifier = cloud.client("redshift", "deployer"), WORKGROUP.cluster.identifier
    [cluster] = redshift.describe_clusters(ClusterIdentifier=identifier)["Clusters"]
    attached = [role["IamRoleArn"] for role in cluster["IamRoles"]]
    redshift.modify_cluster_iam_roles(ClusterIdentifier=identifier, RemoveIamRoles=attached)
    for limit in serverless.list_usage_limits(resourceArn=WORKGROUP.arn)["usageLimits"]:
        serverless.delete_usage_limit(usageLimitId=limit["usageLimitId"])
    return Warehouse(lambda service: cloud.client(service, "deployer"), OUTPUTS | {"DatabaseName": cloud.database})
