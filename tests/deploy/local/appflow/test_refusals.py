"""What AppFlow refuses, so that it is not found out first by AWS."""

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest

from tests.aws import ACCOUNT_1, ACCOUNT_2, aws_client
from tests.deploy.local.appflow.account import (
    ERROR_BUCKET,
    INGEST_ROLE,
    INTERMEDIATE_BUCKET,
    Account,
    MakeAccount,
    admit_appflow,
    between,
    changed,
    google_profile,
    mapping,
    projection,
    redshift_profile,
    scheduled,
    task,
)

Change = Callable[[dict[str, Any]], object]

MAP_ALL = {**task("Map_all", "NO_OP", ["date"]), "destinationField": "date"}

MALFORMED: dict[str, tuple[Change, str]] = {
    "name with a space": (lambda one: one.update(flowName="ga4 daily"), "flowName"),
    "name that is too long": (lambda one: one.update(flowName="x" * 257), "flowName"),
    "no tasks": (lambda one: one.pop("tasks"), "tasks"),
    "description with a colon": (lambda one: one.update(description="a: b"), "description"),
    "unknown task type": (lambda one: one["tasks"][1].update(taskType="Copy"), "tasks.2.member.taskType"),
    "unknown operator": (
        lambda one: one["tasks"][0]["connectorOperator"].update(CustomConnector="LIKE"),
        "tasks.1.member.connectorOperator.CustomConnector",
    ),
    "unknown task property": (lambda one: one["tasks"][0]["taskProperties"].update(COLOUR="red"), "taskProperties.key"),
    "too many tags": (lambda one: one.update(tags={f"tag{n}": "" for n in range(51)}), "tags"),
    "short bucket name": (
        lambda one: redshift_of(one).update(intermediateBucketName="ab"),
        "Redshift.intermediateBucketName",
    ),
}

UNWORKABLE: dict[str, tuple[Change, str]] = {
    "no projection": (lambda one: one["tasks"].pop(0), "PROJECTION"),
    "projection that is not first": (lambda one: one["tasks"].reverse(), "PROJECTION"),
    "projection without a mapped field": (lambda one: one["tasks"][0]["sourceFields"].pop(), "sessions is missing"),
    "Map_all": (lambda one: one["tasks"].append(MAP_ALL), "Map_all"),
    "field that the property lacks": (lambda one: one["tasks"].__setitem__(0, projection("date", "colour")), "colour"),
    "column that the table lacks": (lambda one: one["tasks"].append(mapping("date", "day")), "no field day"),
    "column that is mapped twice": (lambda one: one["tasks"].append(mapping("date", "date")), "More than one"),
    "mapping without types": (lambda one: one["tasks"][1].update(taskProperties={}), "SOURCE_DATA_TYPE"),
    "mapping to another type": (
        lambda one: one["tasks"][1]["taskProperties"].update(DESTINATION_DATA_TYPE="bigint"),
        "character varying",
    ),
    "filter operator that is not offered": (
        lambda one: one["tasks"].append(task("Filter", "LESS_THAN", ["date"], DATA_TYPE="date", VALUE="0")),
        "filterOperators",
    ),
    "filter on a metric": (
        lambda one: one["tasks"].append(task("Filter", "EQUAL_TO", ["sessions"], DATA_TYPE="string", VALUE="1")),
        "filterOperators",
    ),
    "filter without a bound": (
        lambda one: one["tasks"].append(task("Filter", "BETWEEN", ["date"], DATA_TYPE="date", LOWER_BOUND="0")),
        "UPPER_BOUND",
    ),
    "bound in another format": (
        lambda one: one["tasks"].append(
            task("Filter", "BETWEEN", ["date"], DATA_TYPE="date", LOWER_BOUND="20261101", UPPER_BOUND="20261102")
        ),
        "midnight",
    ),
    "validation without an action": (
        lambda one: one["tasks"].append(task("Validate", "VALIDATE_NON_NULL", ["date"])),
        "VALIDATION_ACTION",
    ),
    "two destinations": (
        lambda one: one["destinationFlowConfigList"].append(one["destinationFlowConfigList"][0]),
        "exactly one",
    ),
    "the connector of Universal Analytics": (
        lambda one: one["sourceFlowConfig"].update(connectorType="Googleanalytics"),
        "Googleanalytics",
    ),
    "no API version": (lambda one: one["sourceFlowConfig"].pop("apiVersion"), "apiVersion"),
    "source profile as destination": (
        lambda one: one["destinationFlowConfigList"][0].update(connectorProfileName="google"),
        "not Redshift",
    ),
    "bucket that is not there": (
        lambda one: redshift_of(one).update(intermediateBucketName="missing-bucket"),
        "missing-bucket",
    ),
    "table without a schema": (lambda one: redshift_of(one).update(object="p311_daily"), "schema.table"),
    "rate with a space": (lambda one: one.update(triggerConfig=scheduled("rate(1 days)")), "rate(1days)"),
    "cron with five fields": (lambda one: one.update(triggerConfig=scheduled("cron(0 1 * * *)")), "cron"),
    "schedule of an OnDemand flow": (
        lambda one: one.update(triggerConfig={**scheduled(), "triggerType": "OnDemand"}),
        "OnDemand",
    ),
}

MISSING: dict[str, Change] = {
    "source profile": lambda one: one["sourceFlowConfig"].update(connectorProfileName="other"),
    "destination profile": lambda one: one["destinationFlowConfigList"][0].update(connectorProfileName="other"),
    "entity": lambda one: one["sourceFlowConfig"]["sourceConnectorProperties"]["CustomConnector"].update(
        entityName="ga4_core_report/properties-311"
    ),
    "table": lambda one: redshift_of(one).update(object="ga4_landing.other"),
}


def redshift_of(request: dict[str, Any]) -> dict[str, Any]:
    members: dict[str, Any] = request["destinationFlowConfigList"][0]["destinationConnectorProperties"]["Redshift"]
    return members


def test_everything_refused_is_refused_for_its_own_reason(account: Account) -> None:
    """One account for all cases: nothing that is refused changes it."""
    request = account.flow()
    for case, (change, words) in (MALFORMED | UNWORKABLE).items():
        code, status, message = account.refusal("create_flow", **changed(request, change))
        assert (code, status) == ("ValidationException", 400), case
        assert words in message, case
    for case, missing in MISSING.items():
        code, status, _ = account.refusal("create_flow", **changed(request, missing))
        assert (code, status) == ("ResourceNotFoundException", 404), case
    assert account.client.list_flows()["flows"] == []
    account.client.create_flow(**request)


def test_update_is_held_against_the_same_rules(account: Account) -> None:
    account.create()
    request = changed(account.flow(), lambda one: one["tasks"].pop(0))
    assert account.refusal("update_flow", **request)[0] == "ValidationException"
    assert len(account.client.describe_flow(flowName="ga4-daily")["tasks"]) == 4


def test_all_wrong_members_are_named_at_once(account: Account) -> None:
    request = account.flow("a b", description="(c)")
    assert account.refusal("create_flow", **request)[2].startswith("2 validation errors detected")


@pytest.mark.parametrize("bucket", [INTERMEDIATE_BUCKET, ERROR_BUCKET])
def test_bucket_must_admit_appflow_for_this_account(account: Account, bucket: str) -> None:
    admit_appflow(bucket, ACCOUNT_1)
    code, _, message = account.refusal("create_flow", **account.flow())
    assert code == "ValidationException"
    assert bucket in message


def test_name_is_taken_once(account: Account) -> None:
    account.create()
    assert account.refusal("create_flow", **account.flow())[:2] == ("ConflictException", 409)


def test_flows_end_at_the_quota(make_account: MakeAccount) -> None:
    account = make_account(max_flows=1).with_profiles()
    account.create()
    refusal = account.refusal("create_flow", **account.flow("ga4-second"))
    assert refusal[:2] == ("ServiceQuotaExceededException", 402)


def test_flow_that_is_not_there(account: Account) -> None:
    for operation in ("describe_flow", "start_flow", "stop_flow", "delete_flow", "describe_flow_execution_records"):
        assert account.refusal(operation, flowName="ga4-missing")[:2] == ("ResourceNotFoundException", 404)


def test_client_token_stands_for_one_request(account: Account) -> None:
    first = account.client.create_flow(**account.flow(clientToken="token"))
    assert account.client.create_flow(**account.flow(clientToken="token")) | {"ResponseMetadata": None} == {
        **first,
        "ResponseMetadata": None,
    }
    code, status, _ = account.refusal("create_flow", **account.flow("ga4-second", clientToken="token"))
    assert (code, status) == ("ConflictException", 409)


def test_deleted_flow_can_be_made_again_with_its_token(account: Account) -> None:
    account.create(clientToken="token")
    account.client.delete_flow(flowName="ga4-daily")
    account.create(clientToken="token")
    assert account.client.describe_flow(flowName="ga4-daily")["flowStatus"] == "Active"


GOOGLE_PROFILES: dict[str, tuple[Change, str]] = {
    "the old label": (lambda one: one.update(connectorLabel="GoogleAnalytics"), "ValidationException"),
    "no access token": (lambda one: oauth_of(one).pop("accessToken"), "ValidationException"),
    "another token address": (
        lambda one: one["connectorProfileConfig"]["connectorProfileProperties"]["CustomConnector"][
            "oAuth2Properties"
        ].update(tokenUrl="https://example.com/token"),
        "ValidationException",
    ),
    "a revoked token": (lambda one: oauth_of(one).update(refreshToken="other"), "ConnectorAuthenticationException"),
}


def oauth_of(profile: dict[str, Any]) -> dict[str, Any]:
    credentials = profile["connectorProfileConfig"]["connectorProfileCredentials"]
    found: dict[str, Any] = credentials["CustomConnector"]["oauth2"]
    return found


def test_google_profile_must_lead_to_google(bare_account: Account) -> None:
    for case, (change, code) in GOOGLE_PROFILES.items():
        request = changed(google_profile(), change)
        assert bare_account.refusal("create_connector_profile", **request)[0] == code, case


def test_redshift_profile_of_a_cluster_names_a_database_user(bare_account: Account) -> None:
    in_cluster = {"isRedshiftServerless": False, "clusterIdentifier": "analytics"}
    nobody = changed(redshift_profile(), lambda one: properties_of(one).update(in_cluster))

    with pytest.raises(bare_account.client.exceptions.ValidationException, match=r"Redshift\.username"):
        bare_account.client.create_connector_profile(**nobody)


def test_redshift_profile_needs_roles_that_trust_the_services(bare_account: Account) -> None:
    swapped = changed(redshift_profile(), lambda one: properties_of(one).update(roleArn=INGEST_ROLE))
    refusal = bare_account.refusal("create_connector_profile", **swapped)
    assert refusal[:2] == ("ConnectorAuthenticationException", 401)


def properties_of(profile: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = profile["connectorProfileConfig"]["connectorProfileProperties"]["Redshift"]
    return found


def test_role_that_lost_its_trust_stops_new_flows(account: Account) -> None:
    aws_client("iam", ACCOUNT_2).delete_role(RoleName="appflow-ingest")
    assert account.refusal("create_flow", **account.flow())[0] == "ConnectorAuthenticationException"


def test_revoked_google_access_stops_discovery_and_new_flows(account: Account) -> None:
    request = account.flow()
    account.google.tokens.revoke("1//refresh")
    assert account.refusal("create_flow", **request)[:2] == ("ConnectorAuthenticationException", 401)
    refusal = account.refusal(
        "list_connector_entities", connectorProfileName="google", connectorType="CustomConnector", apiVersion="v1beta"
    )
    assert refusal[0] == "ConnectorAuthenticationException"


def test_profile_in_use_is_kept(account: Account) -> None:
    account.create()
    assert account.refusal("delete_connector_profile", connectorProfileName="google")[0] == "ConflictException"
    account.client.delete_connector_profile(connectorProfileName="google", forceDelete=True)
    assert account.run()["executionStatus"] == "Error"


def test_profiles_show_no_credentials(account: Account) -> None:
    answer = account.client.describe_connector_profiles(connectorProfileNames=["google"])
    assert [one["connectorLabel"] for one in answer["connectorProfileDetails"]] == ["GoogleAnalytics4"]
    assert "1//refresh" not in str(answer)


def test_date_filter_takes_whole_days(account: Account) -> None:
    request = account.flow()
    request["tasks"].append(between(date(2026, 11, 1), date(2026, 11, 2)))
    account.client.create_flow(**request)
