import http.client
import json
import logging
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from botocore.exceptions import ClientError
from werkzeug.wrappers import Request, Response

from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.clock import EmulatedClock
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, aws_client, signed_client


class Reporter:
    """A service that answers who called, or breaks as asked."""

    def __init__(self, scope: str) -> None:
        self.scope = scope

    def handle(self, request: Request, caller: Caller) -> Response:
        if request.path == "/v1/flows" or b"refuse" in request.get_data():
            raise ServiceError("ValidationException", "not like that", 400, reason="OTHER")
        if b"break" in request.get_data():
            raise RuntimeError("a defect")
        return Response(json.dumps({"Id": f"{caller.account_id} {caller.region}"}), content_type="application/json")

    def handle_local(self, request: Request) -> Response:
        return Response(f"{self.scope}: {request.get_data(as_text=True)}")


def test_faults_of_a_service_are_asked_of_it_alone_and_in_json(own_services: str) -> None:
    address = f"{own_services}/_local/appflow/faults"

    assert requests.post(address, json={"fail_runs": 1}, timeout=5).text == 'appflow: {"fail_runs": 1}'
    as_a_page_could = {"Content-Type": "text/plain"}
    assert requests.post(address, data='{"fail_runs": 1}', headers=as_a_page_could, timeout=5).status_code == 400
    assert requests.post(f"{own_services}/_local/appflow", json={}, timeout=5).status_code == 404
    assert requests.post(f"{own_services}/_local/other/faults", json={}, timeout=5).status_code == 404


@pytest.fixture(scope="module")
def own_services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    clock = EmulatedClock(tmp_path_factory.mktemp("clock") / "clock.json")
    with EndpointServer(create_endpoint([Reporter("redshift-data"), Reporter("appflow")], clock)) as server:
        yield server.url


def client_of(service: str, url: str) -> Any:
    return signed_client(service, "us-east-1", ACCOUNT_2, endpoint_url=url)


def test_a_registered_service_answers_in_place_of_moto_and_knows_who_asks(own_services: str) -> None:
    answer = client_of("redshift-data", own_services).execute_statement(Database="warehouse", Sql="select 1")
    assert answer["Id"] == f"{ACCOUNT_2} us-east-1"


def test_a_service_error_reaches_a_json_client_with_its_code_and_message(own_services: str) -> None:
    client = client_of("redshift-data", own_services)
    with pytest.raises(client.exceptions.ValidationException, match="not like that"):
        client.execute_statement(Database="warehouse", Sql="refuse")


def test_a_service_error_reaches_a_rest_client_with_its_code_and_message(own_services: str) -> None:
    client = client_of("appflow", own_services)
    with pytest.raises(client.exceptions.ValidationException, match="not like that"):
        client.list_flows(nextToken="refuse")


def test_a_defect_in_a_service_is_answered_as_an_internal_failure_and_logged(
    own_services: str, caplog: pytest.LogCaptureFixture
) -> None:
    client = client_of("redshift-data", own_services)
    with caplog.at_level(logging.ERROR), pytest.raises(ClientError) as refused:
        client.execute_statement(Database="warehouse", Sql="break")
    assert refused.value.response["Error"]["Code"] == "InternalFailure"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500
    assert "RuntimeError: a defect" in caplog.text


def test_each_account_has_its_own_resources(clean_aws: str) -> None:
    aws_client("sqs", ACCOUNT_1, "us-east-1").create_queue(QueueName="mine")
    assert "QueueUrls" not in aws_client("sqs", ACCOUNT_2, "us-east-1").list_queues()
    assert "111111111111/mine" in aws_client("sqs", ACCOUNT_1, "us-east-1").list_queues()["QueueUrls"][0]


def test_no_request_chooses_its_account_by_motos_header(clean_aws: str) -> None:
    client = aws_client("sqs", ACCOUNT_1, "us-east-1")
    client.create_queue(QueueName="mine")
    headers = {
        "Authorization": f"AWS4-HMAC-SHA256 Credential={ACCOUNT_2}/20260101/us-east-1/sqs/aws4_request, Signature=x",
        "X-Amz-Target": "AmazonSQS.ListQueues",
        "Content-Type": "application/x-amz-json-1.0",
        "x-moto-account-id": ACCOUNT_1,
    }
    assert requests.post(clean_aws, data="{}", headers=headers, timeout=5).json().get("QueueUrls", []) == []


def test_a_presigned_address_is_signed_too(clean_aws: str) -> None:
    s3 = aws_client("s3", ACCOUNT_2)
    s3.create_bucket(Bucket="reports")
    s3.put_object(Bucket="reports", Key="a b.txt", Body=b"text")
    s3 = signed_client("s3", "us-east-1", ACCOUNT_2, signature_version="s3v4")
    address = s3.generate_presigned_url("get_object", Params={"Bucket": "reports", "Key": "a b.txt"})
    assert requests.get(address, timeout=5).content == b"text"


def test_an_unsigned_request_is_refused(clean_aws: str) -> None:
    answer = requests.get(f"{clean_aws}/reports/a.txt", timeout=5)
    assert (answer.status_code, answer.json()["__type"]) == (403, "MissingAuthenticationToken")
    assert requests.post(f"{clean_aws}/moto-api/reset", timeout=5).status_code == 403


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sqs", "list_queues", "UnrecognizedClientException"),
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("s3", "list_buckets", "InvalidAccessKeyId"),
    ],
)
def test_an_unknown_key_is_refused_in_the_words_of_the_service(
    clean_aws: str, service: str, operation: str, code: str
) -> None:
    client = signed_client(service, "us-east-1", "AKIAIOSFODNN7EXAMPLE")
    with pytest.raises(ClientError) as refused:
        getattr(client, operation)()
    assert refused.value.response["Error"]["Code"] == code


def test_health_names_the_services(own_services: str) -> None:
    answer = requests.get(f"{own_services}/_local/health", timeout=5).json()
    assert answer == {"status": "ok", "services": ["appflow", "events", "redshift-data", "sts"]}


def test_private_addresses_refuse_another_host_name(clean_aws: str) -> None:
    answer = requests.get(f"{clean_aws}/_local/health", headers={"Host": "evil.example"}, timeout=5)
    assert answer.status_code == 403


def test_private_addresses_take_json_only(clean_aws: str) -> None:
    body = json.dumps({"throttle": 1})
    answer = requests.post(f"{clean_aws}/_local/faults", data=body, headers={"Content-Type": "text/plain"}, timeout=5)
    assert answer.status_code == 400


def test_an_unknown_private_address_is_not_found(clean_aws: str) -> None:
    assert requests.get(f"{clean_aws}/_local/nothing", timeout=5).status_code == 404


def test_a_connection_serves_several_requests(clean_aws: str) -> None:
    connection = http.client.HTTPConnection(urlsplit(clean_aws).netloc, timeout=5)
    try:
        for _ in range(2):
            connection.request("GET", "/_local/health")
            assert json.load(connection.getresponse())["status"] == "ok"
    finally:
        connection.close()


def test_bucket_that_takes_tls_only_takes_objects(clean_aws: str) -> None:
    s3 = aws_client("s3")
    s3.create_bucket(Bucket="tls-only", CreateBucketConfiguration={"LocationConstraint": REGION_1})
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "arn:aws:s3:::tls-only/*"}
    condition = {"Bool": {"aws:SecureTransport": "false"}}
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Condition": condition}]}
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps(policy))
    s3.put_object(Bucket="tls-only", Key="a", Body=b"x")
    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"x"
