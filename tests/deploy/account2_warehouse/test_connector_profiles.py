"""AppFlow's connector profiles, from the secret to AppFlow: made, changed when something changed, else left alone."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from deploy.account2_warehouse.connector_profiles import GOOGLE_PROFILE, apply_profile, connect, google_profile
from deploy.account2_warehouse.environment import Warehouse, run
from deploy.stacks.errors import DeployError
from tests.aws import ACCOUNT_2
from tests.deploy.account2_warehouse.conftest import OAUTH, OUTPUTS, put_secret
from tests.deploy.local.appflow.account import Account, make_role

COPY_IN_CLUSTER = f"arn:aws:iam::{ACCOUNT_2}:role/appflow-copy-in-cluster"


def connected(warehouse: Warehouse, **changes: str) -> list[str]:
    """Connect, with changes to the stacks' outputs, and return what was said."""
    said: list[str] = []
    connect(replace(warehouse, outputs={**warehouse.outputs, **changes}), said.append)
    return said


def described(account: Account) -> dict[str, Any]:
    found = account.client.describe_connector_profiles()["connectorProfileDetails"]
    return {one["connectorProfileName"]: one for one in found}


def move_clock(account: Account, **since_now: float) -> None:
    account.clock.set(datetime.now(UTC) + timedelta(**since_now))


def test_both_profiles_are_made(connecting: Warehouse, bare_account: Account) -> None:
    put_secret(OAUTH)

    assert connected(connecting) == ["myapp-warehouse: made", "ga4: made"]
    redshift = described(bare_account)["myapp-warehouse"]["connectorProfileProperties"]["Redshift"]
    assert (redshift["workgroupName"], redshift["databaseName"]) == (OUTPUTS["WorkgroupName"], "ga4")
    # AppFlow reads Google with it.
    call = {"connectorProfileName": GOOGLE_PROFILE, "connectorType": "CustomConnector", "apiVersion": "v1beta"}
    assert bare_account.client.list_connector_entities(**call)["connectorEntityMap"]


def test_in_a_cluster_appflow_is_a_user_by_name(connecting: Warehouse, bare_account: Account) -> None:
    put_secret(OAUTH)
    make_role(COPY_IN_CLUSTER, "redshift.amazonaws.com")
    place = {"WorkgroupName": "", "ClusterIdentifier": "analytics", "AppFlowCopyRoleArn": COPY_IN_CLUSTER}

    assert connected(connecting, IngestUser="myapp-appflow-ingest", **place)[0] == "myapp-warehouse: made"
    redshift = described(bare_account)["myapp-warehouse"]["connectorProfileProperties"]["Redshift"]
    assert redshift.items() >= {"isRedshiftServerless": False, "clusterIdentifier": "analytics"}.items()
    assert "workgroupName" not in redshift
    with pytest.raises(DeployError, match="gives IngestUser yet"):
        connected(connecting, **place)


def test_a_second_time_changes_nothing(connecting: Warehouse, bare_account: Account) -> None:
    put_secret(OAUTH)
    move_clock(bare_account, minutes=1)
    connected(connecting)
    before = described(bare_account)
    move_clock(bare_account, hours=1)

    assert connected(connecting) == ["myapp-warehouse: as it was", "ga4: as it was"]
    assert described(bare_account) == before


def test_a_new_value_of_the_secret_reaches_appflow(connecting: Warehouse, bare_account: Account) -> None:
    put_secret(OAUTH)
    move_clock(bare_account, days=-1)
    connected(connecting)
    move_clock(bare_account, minutes=1)

    assert connected(connecting) == ["myapp-warehouse: as it was", "ga4: changed"]


def test_another_database_changes_the_warehouse_profile_only(connecting: Warehouse, bare_account: Account) -> None:
    put_secret(OAUTH)
    move_clock(bare_account, minutes=1)
    connected(connecting)

    assert connected(connecting, DatabaseName="other") == ["myapp-warehouse: changed", "ga4: as it was"]
    redshift = described(bare_account)["myapp-warehouse"]["connectorProfileProperties"]["Redshift"]
    assert redshift["databaseName"] == "other"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("no JSON: the-secret", "is no JSON object"),
        (["the-secret"], "is no JSON object"),
        ({"client_id": "a", "client_secret": "the-secret"}, "lacks refresh_token"),
        ({**OAUTH, "client_id": " ", "refresh_token": 5}, "lacks client_id, refresh_token"),
    ],
)
def test_a_secret_that_lacks_something_is_said_and_not_shown(connecting: Warehouse, value: Any, problem: str) -> None:
    put_secret(value)

    with pytest.raises(DeployError, match=problem) as caught:
        connected(connecting)
    assert "put-secret-value" in str(caught.value)
    assert "the-secret" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_secret_without_a_value_is_said(connecting: Warehouse) -> None:
    with pytest.raises(DeployError, match="myapp/google-oauth has no value yet"):
        connected(connecting)


def test_what_google_refuses_is_said_without_a_secret(connecting: Warehouse, bare_account: Account) -> None:
    put_secret({**OAUTH, "refresh_token": "1//revoked"})

    with pytest.raises(DeployError, match="AppFlow refuses the connector profile ga4") as caught:
        connected(connecting)
    assert not {"1//revoked", "the-secret"} & set(str(caught.value).split())


def test_a_refusal_that_quotes_a_secret_is_not_passed_on(bare_account: Account) -> None:
    profile = google_profile(OAUTH)
    quoted = replace(profile, connector={**profile.connector, "connectorLabel": OAUTH["client_secret"]})

    with pytest.raises(DeployError, match="The connector … is not registered") as caught:
        apply_profile(bare_account.client, quoted)
    assert OAUTH["client_secret"] not in str(caught.value)
    assert OAUTH["client_secret"] not in repr(profile)


def test_a_stack_that_is_not_deployed_is_named(connecting: Warehouse) -> None:
    put_secret(OAUTH)

    with pytest.raises(DeployError, match="gives WorkgroupName yet"):
        connected(connecting, WorkgroupName="")


def test_an_environment_that_is_not_there_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["nowhere"], "deploy.account2_warehouse.connector_profiles", connect) == 1
    assert "no environment 'nowhere'" in capsys.readouterr().err
