import json
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local.aws import credentials
from deploy.local.aws.service import ServiceError
from deploy.local.aws.sts import assume_role_as_service
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, aws_client, client_of_session

ROLE = f"arn:aws:iam::{ACCOUNT_1}:role/unload-writer"


def make_role(trust: dict[str, Any], arn: str = ROLE, **more: Any) -> None:
    policy = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sts:AssumeRole"} | trust]}
    name = arn.rpartition("/")[2]
    aws_client("iam", arn.split(":")[4]).create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(policy), **more)


def assume(client: Any, role_arn: str = ROLE, **more: Any) -> dict[str, Any]:
    issued: dict[str, Any] = client.assume_role(RoleArn=role_arn, RoleSessionName="unload", **more)["Credentials"]
    return issued


def code_of(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return refused.value.response["Error"]["Code"]


def test_an_accounts_root_signs_with_the_account_id(clean_aws: str) -> None:
    identity = aws_client("sts", ACCOUNT_2).get_caller_identity()
    assert (identity["Account"], identity["Arn"]) == (ACCOUNT_2, f"arn:aws:iam::{ACCOUNT_2}:root")


def test_a_role_of_another_account_acts_in_that_account(clean_aws: str) -> None:
    make_role({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_2}:root"}})
    session = assume(aws_client("sts", ACCOUNT_2))
    identity = client_of_session("sts", REGION_1, session).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{ACCOUNT_1}:assumed-role/unload-writer/unload"
    client_of_session("sqs", REGION_1, session).create_queue(QueueName="of-account-1")
    assert len(aws_client("sqs", ACCOUNT_1).list_queues()["QueueUrls"]) == 1


def test_a_role_assumes_a_role_that_trusts_it_by_name(clean_aws: str) -> None:
    first = f"arn:aws:iam::{ACCOUNT_2}:role/redshift"
    make_role({"Principal": {"Service": "redshift.amazonaws.com"}}, first)
    make_role({"Principal": {"AWS": first}})
    chained = assume_role_as_service("redshift.amazonaws.com", first, "unload").as_json()
    assert assume(client_of_session("sts", REGION_1, chained))["AccessKeyId"].startswith("ASIA")
    with pytest.raises(ClientError, match="not authorized to perform: sts:AssumeRole"):
        assume(aws_client("sts", ACCOUNT_2))


def test_a_role_that_does_not_exist_is_not_assumed(clean_aws: str) -> None:
    with pytest.raises(ClientError, match="the role does not exist") as refused:
        assume(aws_client("sts"))
    assert code_of(refused) == "AccessDenied"


def test_the_external_id_must_be_the_one_the_role_asks_for(clean_aws: str) -> None:
    condition = {"StringEquals": {"sts:ExternalId": "warehouse-7"}}
    make_role({"Principal": {"AWS": ACCOUNT_2}, "Condition": condition})
    client = aws_client("sts", ACCOUNT_2)
    assert assume(client, ExternalId="warehouse-7")
    for wrong in ({}, {"ExternalId": "warehouse-8"}):
        with pytest.raises(ClientError) as refused:
            assume(client, **wrong)
        assert code_of(refused) == "AccessDenied"


def test_a_session_lasts_no_longer_than_the_role_allows(clean_aws: str) -> None:
    make_role({"Principal": {"AWS": ACCOUNT_1}}, MaxSessionDuration=7200)
    session = assume(aws_client("sts"), DurationSeconds=7200)
    remaining = session["Expiration"] - datetime.now(UTC)
    assert timedelta(minutes=119) < remaining <= timedelta(hours=2)
    with pytest.raises(ClientError) as refused:
        assume(aws_client("sts"), DurationSeconds=7201)
    assert code_of(refused) == "ValidationError"


def test_a_session_name_with_other_signs_is_refused(clean_aws: str) -> None:
    make_role({"Principal": {"AWS": ACCOUNT_1}})
    with pytest.raises(ClientError) as refused:
        aws_client("sts").assume_role(RoleArn=ROLE, RoleSessionName="a b")
    assert code_of(refused) == "ValidationError"


def test_a_session_that_is_over_is_refused(clean_aws: str) -> None:
    over = credentials.issue_credentials(ROLE, "unload", -1).as_json()
    with pytest.raises(ClientError) as refused:
        client_of_session("sqs", REGION_1, over).list_queues()
    assert code_of(refused) == "ExpiredTokenException"


def test_a_session_without_its_token_is_refused(clean_aws: str) -> None:
    issued = credentials.issue_credentials(ROLE, "unload", 900).as_json()
    for token in (None, "another"):
        with pytest.raises(ClientError) as refused:
            client_of_session("sqs", REGION_1, issued | {"SessionToken": token}).list_queues()
        assert code_of(refused) == "UnrecognizedClientException"


def test_other_actions_of_sts_are_refused(clean_aws: str) -> None:
    with pytest.raises(ClientError) as refused:
        aws_client("sts").get_session_token()
    assert code_of(refused) == "InvalidAction"


def test_a_service_assumes_a_role_that_trusts_it_for_a_resource_of_that_account(clean_aws: str) -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT_1},
        "ArnLike": {"aws:SourceArn": "arn:aws:appflow:*:*:*"},
    }
    make_role({"Principal": {"Service": "appflow.amazonaws.com"}, "Condition": condition})
    source_arn = f"arn:aws:appflow:us-east-1:{ACCOUNT_1}:flow/daily"
    issued = assume_role_as_service("appflow.amazonaws.com", ROLE, "daily", source_arn)
    assert issued.role_arn == ROLE
    with pytest.raises(ServiceError):
        assume_role_as_service("appflow.amazonaws.com", ROLE, "daily")
    with pytest.raises(ServiceError):
        assume_role_as_service("lambda.amazonaws.com", ROLE, "daily", source_arn)


@pytest.mark.parametrize(
    ("key", "value", "is_trusted"),
    [
        ("sts:ExternalId", f"arn:aws:redshift:*:{ACCOUNT_1}:dbuser:*", True),
        ("sts:ExternalId", f"arn:aws:redshift:*:{ACCOUNT_2}:dbuser:*", False),
        ("aws:SourceAccount", ACCOUNT_1, False),
    ],
)
def test_redshift_says_which_database_user_it_acts_for(clean_aws: str, key: str, value: str, is_trusted: bool) -> None:
    make_role({"Principal": {"Service": "redshift.amazonaws.com"}, "Condition": {"StringLike": {key: value}}})

    with nullcontext() if is_trusted else pytest.raises(ServiceError):
        assume_role_as_service("redshift.amazonaws.com", ROLE, "unload")


def test_another_process_assumes_a_role_as_a_service_over_the_wire(clean_aws: str) -> None:
    make_role({"Principal": {"Service": "lambda.amazonaws.com"}})
    wanted = {"service": "lambda.amazonaws.com", "role_arn": ROLE, "session_name": "upsert"}
    issued = requests.post(f"{clean_aws}/_local/assume-role", json=wanted, timeout=5).json()
    assert client_of_session("sts", REGION_1, issued).get_caller_identity()["Arn"].endswith("unload-writer/upsert")
    refused = requests.post(f"{clean_aws}/_local/assume-role", json=wanted | {"service": "x.amazonaws.com"}, timeout=5)
    assert (refused.status_code, refused.json()["__type"]) == (403, "AccessDenied")
    assert requests.post(f"{clean_aws}/_local/assume-role", json={"service": "x"}, timeout=5).status_code == 400
