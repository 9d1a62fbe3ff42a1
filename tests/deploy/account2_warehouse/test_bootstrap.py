"""The warehouse made ready through its own APIs: roles, a limit of use, database users."""

import secrets
from collections.abc import Iterator
from dataclasses import replace

import pytest

from deploy.account2_warehouse.bootstrap import bootstrap
from deploy.account2_warehouse.environment import Warehouse
from deploy.stacks.errors import DeployError
from tests.aws import ACCOUNT_1, ACCOUNT_2, aws_client
from tests.deploy.local.redshift.conftest import WORKGROUP, Cloud

ROLES = {
    "AppFlowCopyRoleArn": f"arn:aws:iam::{ACCOUNT_2}:role/try-appflow-copy",
    "RedshiftUnloadRoleArn": f"arn:aws:iam::{ACCOUNT_2}:role/try-redshift-unload",
    "UnloadRoleChain": f"arn:aws:iam::{ACCOUNT_2}:role/try-redshift-unload,arn:aws:iam::{ACCOUNT_1}:role/try-unload",
}
NAMES = ("Ddl", "Ingest", "Refresh", "Unload", "Register", "Watch", "Advance", "Retry", "Status")


@pytest.fixture
def prefix(cloud: Cloud) -> Iterator[str]:
    """What the database users' names begin with: they belong to the server, which other tests share."""
    name = f"IAMR:b{secrets.token_hex(4)}"
    yield name
    with cloud.stand_in.warehouse.postgres.connect(cloud.database, autocommit=True) as admin:
        made = "SELECT rolname FROM pg_roles WHERE starts_with(rolname, %s) OR rolname = %s"
        for (user,) in admin.execute(made, [name, name[5:]]).fetchall():
            admin.execute(f'DROP OWNED BY "{user}"; DROP ROLE "{user}"'.encode())


@pytest.fixture
def warehouse(unprepared: Warehouse, prefix: str) -> Warehouse:
    users = {f"{name}User": f"{prefix}-{name.lower()}" for name in NAMES}
    return replace(unprepared, outputs={**unprepared.outputs, **ROLES, **users, "DailyUnitHours": "60"})


def said_by(warehouse: Warehouse) -> list[str]:
    said: list[str] = []
    bootstrap(warehouse, said.append)
    return said


def test_a_new_warehouse_is_made_ready_once(warehouse: Warehouse, cloud: Cloud, prefix: str) -> None:
    users = [f"{prefix}-{name.lower()}" for name in NAMES]

    assert said_by(warehouse) == [
        "roles: attached try-appflow-copy, try-redshift-unload",
        "limit of use: made, 60 unit hours a day",
        f"database users: made {', '.join(users)}",
    ]
    assert said_by(warehouse) == ["roles: as they were", "limit of use: as it was", "database users: as they were"]
    # Whoever takes on the DDL role may make schemas now, and nobody else.
    ddl, ingest = (user.removeprefix("IAMR:") for user in users[:2])
    assert cloud.run(ddl, f"CREATE SCHEMA {ddl.replace('-', '_')}")["Status"] == "FINISHED"
    assert "permission denied" in cloud.run(ingest, "CREATE SCHEMA mine")["Error"]


def test_only_the_unload_user_may_name_the_roles_that_lead_to_the_other_account(
    warehouse: Warehouse, cloud: Cloud, prefix: str
) -> None:
    said_by(warehouse)
    chain, copy_role = ROLES["UnloadRoleChain"], ROLES["AppFlowCopyRoleArn"]
    for name in (name.lower() for name in NAMES):
        user = f"{prefix.removeprefix('IAMR:')}-{name}"
        for roles in (chain, ROLES["RedshiftUnloadRoleArn"], copy_role):
            done = cloud.run(user, f"UNLOAD ('SELECT 1 AS n') TO 's3://any/where/' IAM_ROLE '{roles}' FORMAT PARQUET")
            is_refused = "does not have ASSUMEROLE permission" in done["Error"]
            assert is_refused == ((name, roles) != ("unload", chain)), done["Error"]


def test_nobody_makes_tables_where_everybody_looks(warehouse: Warehouse, cloud: Cloud, prefix: str) -> None:
    said_by(warehouse)
    done = cloud.run(f"{prefix.removeprefix('IAMR:')}-status", "CREATE TABLE public.mine (n INT)")
    assert "permission denied for schema public" in done["Error"]


def test_a_cluster_is_made_ready_once(warehouse: Warehouse, prefix: str) -> None:
    place = {"WorkgroupName": "", "ClusterIdentifier": WORKGROUP.cluster.identifier, "IngestUser": prefix[5:]}
    cluster = replace(warehouse, outputs={**warehouse.outputs, **place})

    assert said_by(cluster)[:2] == [
        "roles: attached try-appflow-copy, try-redshift-unload",
        "limit of use: none, a cluster has no unit hours",
    ]
    assert said_by(cluster)[::2] == ["roles: as they were", "database users: as they were"]
    [found] = cluster.client("redshift").describe_clusters(ClusterIdentifier=WORKGROUP.cluster.identifier)["Clusters"]
    assert {role["IamRoleArn"] for role in found["IamRoles"]} == {
        ROLES[name] for name in ("AppFlowCopyRoleArn", "RedshiftUnloadRoleArn")
    }


def test_a_cluster_whose_password_aws_does_not_keep_is_said(warehouse: Warehouse) -> None:
    name = WORKGROUP.cluster.administrator_secret
    aws_client("secretsmanager", ACCOUNT_2).delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    place = {"ClusterIdentifier": WORKGROUP.cluster.identifier}

    with pytest.raises(DeployError, match="modify-cluster --manage-master-password"):
        said_by(replace(warehouse, outputs={**warehouse.outputs, **place}))


def test_what_is_there_stays(warehouse: Warehouse) -> None:
    serverless, other = warehouse.client("redshift-serverless"), f"arn:aws:iam::{ACCOUNT_2}:role/other"
    serverless.update_namespace(namespaceName=WORKGROUP.namespace, iamRoles=[other, ROLES["AppFlowCopyRoleArn"]])

    assert said_by(warehouse)[0] == "roles: attached try-redshift-unload"
    attached = serverless.get_namespace(namespaceName=WORKGROUP.namespace)["namespace"]["iamRoles"]
    assert [text.rpartition("/")[2].rstrip(")") for text in attached] == [
        "other",
        "try-appflow-copy",
        "try-redshift-unload",
    ]


def test_another_limit_of_use_replaces_the_first(warehouse: Warehouse) -> None:
    said_by(warehouse)
    more = replace(warehouse, outputs={**warehouse.outputs, "DailyUnitHours": "90"})

    assert said_by(more)[1] == "limit of use: changed to 90 unit hours a day"
    limits = warehouse.client("redshift-serverless").list_usage_limits(resourceArn=WORKGROUP.arn)["usageLimits"]
    assert [(one["amount"], one["period"], one["breachAction"]) for one in limits] == [(90, "daily", "deactivate")]


def test_a_password_that_aws_does_not_keep_is_said(warehouse: Warehouse) -> None:
    name = f"redshift!{WORKGROUP.namespace}-administrator"
    aws_client("secretsmanager", ACCOUNT_2).delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)

    with pytest.raises(DeployError, match=r"run bootstrap\.sql yourself as an administrator"):
        said_by(warehouse)


def test_a_statement_that_fails_is_said_in_redshifts_words(warehouse: Warehouse, cloud: Cloud) -> None:
    cloud.stand_in.faults.fail_next_statements.append("permission denied for relation svv_user_info")

    with pytest.raises(DeployError, match=r"Redshift refused a statement: .*permission denied for relation"):
        said_by(warehouse)


def test_users_that_no_stack_names_yet_are_said(warehouse: Warehouse) -> None:
    unknown = replace(warehouse, outputs={**warehouse.outputs, "DdlUser": ""})

    with pytest.raises(DeployError, match=r"gives DdlUser yet\. Run make -C deploy deploy-account2"):
        said_by(unknown)
