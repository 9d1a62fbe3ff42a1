"""The warehouse in a provisioned cluster: set up, registered in, refreshed by the code that does so in a workgroup."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from deploy.account2_warehouse.bootstrap import bootstrap
from deploy.local.accounts import IN_CLUSTER, WAREHOUSE_TEMPLATE
from deploy.local.aws.calls import record_to
from deploy.local.policies.implied import implied_by
from deploy.local.policies.record import Call, read_record
from deploy.local.policies.roles import roles_of
from deploy.local.templates.account import Account
from deploy.local.templates.resolved import resolved
from deploy.local.templates.sam import load_template
from tests.aws import ACCOUNT_2, REGION_2, aws_client, reset_aws
from tests.faults.remediation.scene import Scene, make_bucket
from tests.warehouse.account import Account2
from tests.warehouse.services import (
    CALLS,
    DATABASE,
    PREFIX,
    deploy,
    deployed_warehouse,
    local_services,
    stack_parameters,
)

# redshift_connector makes its TLS context in the way that Python gives up.
pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

CLUSTER = f"arn:aws:redshift:{REGION_2}:{ACCOUNT_2}:cluster:{IN_CLUSTER['ClusterIdentifier']}"
LOGIN = f"arn:aws:redshift:{REGION_2}:{ACCOUNT_2}:dbname:{IN_CLUSTER['ClusterIdentifier']}/{DATABASE}"


@pytest.fixture
def cluster() -> Iterator[Account2]:
    """Account 2 with its warehouse in a cluster, which bootstrap-warehouse has made ready."""
    services = local_services()
    reset_aws()
    account = Account2(services, deploy(services, IN_CLUSTER))
    account.empty()
    make_bucket()
    secret = json.dumps({"username": services.stand_in.warehouse.postgres.user, "password": "never used"})
    name = f"redshift!{IN_CLUSTER['ClusterIdentifier']}-administrator"
    aws_client("secretsmanager", ACCOUNT_2).create_secret(Name=name, SecretString=secret)
    bootstrap(deployed_warehouse(services, account.deployment, IN_CLUSTER), lambda _line: None)
    yield account
    account.clear()
    reset_aws()  # the next test deploys a stack of its own, in the workgroup


@pytest.fixture
def record(cluster: Account2, tmp_path: Path) -> Iterator[Path]:
    """Where the calls of the cluster's roles are recorded."""
    path = tmp_path / "calls.jsonl"
    record_to(path)
    yield path
    record_to(Path(CALLS) if CALLS else None)


def not_allowed(account: Account2, calls: list[Call]) -> list[tuple[str, str, str]]:
    """Return what the calls need, with all that they imply, and the roles' policies in the template do not allow."""
    place = Account(ACCOUNT_2, REGION_2)
    template = load_template(WAREHOUSE_TEMPLATE, stack_parameters(account.services, IN_CLUSTER), place.region)
    stack = resolved(template, place)
    roles = {role.arn: role for role in roles_of([stack])}
    made = [call for call in calls if not call.is_assumption and call.role_arn in roles]
    needed = [*made, *implied_by(made, list(roles.values()), [stack])]
    return [
        (call.role_arn, call.action or call.operation, call.resource)
        for call in needed
        if not (call.action and roles[call.role_arn].may(call.action, call.resource, call.context))
    ]


def test_a_data_flow_is_registered_ingested_refreshed_and_unloaded(cluster: Account2, record: Path) -> None:
    scene = Scene(cluster)

    scene.register()

    assert set(cluster.runs("status", "kind = 'backfill'")) == {("succeeded",)}
    assert date(2026, 3, 9) in scene.days_loaded()
    assert scene.incidents() == []
    # AppFlow logs in by a name of its own.
    users = {row["grantee"] for row in cluster.rows("SELECT grantee FROM information_schema.role_table_grants")}
    assert f"{PREFIX}-appflow-ingest" in users
    calls = read_record(record)
    assert ("redshift:GetClusterCredentialsWithIAM", LOGIN) in {(call.action, call.resource) for call in calls}
    assert {call.resource for call in calls if call.action.endswith("ExecuteStatement")} == {CLUSTER}
    assert not_allowed(cluster, calls) == []
