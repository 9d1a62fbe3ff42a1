"""The record of calls: read off the wire, each once, with what IAM asks for it."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import requests

from deploy.local.aws.calls import record_to
from deploy.local.policies.record import Call, read_record
from tests.aws import ACCOUNT_2, REGION_2, aws_client, client_of_session

ROLE: Final = f"arn:aws:iam::{ACCOUNT_2}:role/caller"
PLACE: Final = f"{REGION_2}:{ACCOUNT_2}"


@pytest.fixture
def record(clean_aws: str, tmp_path: Path) -> Iterator[Path]:
    """A file to which calls are recorded during the test."""
    trust = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT_2}:root"}, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws_client("iam", ACCOUNT_2).create_role(RoleName="caller", AssumeRolePolicyDocument=policy)
    path = tmp_path / "calls.jsonl"
    path.touch()
    record_to(path)
    yield path
    record_to(None)


@pytest.fixture
def session(record: Path) -> dict[str, Any]:
    """The credentials of the role."""
    sts = aws_client("sts", ACCOUNT_2)
    credentials: dict[str, Any] = sts.assume_role(RoleArn=ROLE, RoleSessionName="test")["Credentials"]
    return credentials


def asked(record: Path) -> list[tuple[str, str]]:
    return [(call.action, call.resource) for call in read_record(record)]


def test_batches_are_their_single_action_and_are_recorded_once(record: Path, session: dict[str, Any]) -> None:
    url = aws_client("sqs", ACCOUNT_2).create_queue(QueueName="work")["QueueUrl"]
    sqs = client_of_session("sqs", REGION_2, session)

    for _ in range(2):
        sqs.send_message_batch(QueueUrl=url, Entries=[{"Id": "1", "MessageBody": "one"}])
    messages = sqs.receive_message(QueueUrl=url)["Messages"]

    assert messages[0]["Body"] == "one"  # what was read for the record is there for the service
    assert asked(record) == [
        ("sqs:SendMessage", f"arn:aws:sqs:{PLACE}:work"),
        ("sqs:ReceiveMessage", f"arn:aws:sqs:{PLACE}:work"),
    ]


def test_reading_and_listing_objects_ask_for_what_iam_calls_it(record: Path, session: dict[str, Any]) -> None:
    root = aws_client("s3", ACCOUNT_2)
    root.create_bucket(Bucket="store")
    root.put_bucket_versioning(Bucket="store", VersioningConfiguration={"Status": "Enabled"})
    s3 = client_of_session("s3", REGION_2, session)

    version = s3.put_object(Bucket="store", Key="a/b", Body=b"x" * 10)["VersionId"]
    assert s3.get_object(Bucket="store", Key="a/b")["Body"].read() == b"x" * 10
    s3.head_object(Bucket="store", Key="a/b", VersionId=version)
    s3.list_objects_v2(Bucket="store", Prefix="a/")
    s3.get_bucket_location(Bucket="store")
    upload = s3.create_multipart_upload(Bucket="store", Key="c")["UploadId"]
    s3.upload_part(Bucket="store", Key="c", UploadId=upload, PartNumber=1, Body=b"y")
    s3.abort_multipart_upload(Bucket="store", Key="c", UploadId=upload)

    assert asked(record) == [
        ("s3:PutObject", "arn:aws:s3:::store/a/b"),
        ("s3:GetObject", "arn:aws:s3:::store/a/b"),
        ("s3:GetObjectVersion", "arn:aws:s3:::store/a/b"),
        ("s3:ListBucket", "arn:aws:s3:::store"),
        ("s3:GetBucketLocation", "arn:aws:s3:::store"),
        ("s3:PutObject", "arn:aws:s3:::store/c"),
        ("s3:PutObject", "arn:aws:s3:::store/c"),
        ("s3:AbortMultipartUpload", "arn:aws:s3:::store/c"),
    ]


def test_values_of_condition_keys_are_recorded(record: Path, session: dict[str, Any]) -> None:
    cloudwatch = client_of_session("cloudwatch", REGION_2, session)

    cloudwatch.put_metric_data(Namespace="myapp", MetricData=[{"MetricName": "One", "Value": 1}])

    (call,) = read_record(record)
    assert (call.action, call.resource) == ("cloudwatch:PutMetricData", "*")
    assert call.context == {"cloudwatch:namespace": "myapp"}


def test_role_that_is_taken_on_is_recorded_and_who_asks_after_himself_needs_nothing(
    record: Path, session: dict[str, Any]
) -> None:
    sts = client_of_session("sts", REGION_2, session)
    with pytest.raises(sts.exceptions.ClientError):
        sts.assume_role(RoleArn=f"{ROLE}-other", RoleSessionName="test")
    sts.get_caller_identity()

    assert asked(record) == [("sts:AssumeRole", f"{ROLE}-other")]  # refused, and recorded all the same


def test_operation_without_a_row_is_recorded_without_an_action(record: Path, session: dict[str, Any]) -> None:
    client_of_session("sqs", REGION_2, session).list_queues()

    (call,) = read_record(record)
    assert (call.service, call.operation, call.action) == ("sqs", "ListQueues", "")


def test_root_is_not_recorded(record: Path) -> None:
    aws_client("sqs", ACCOUNT_2).list_queues()

    assert read_record(record) == []


def test_what_a_service_does_as_a_role_can_be_told(record: Path, clean_aws: str) -> None:
    used = {"role_arn": ROLE, "service": "chatbot.amazonaws.com", "action": "lambda:InvokeFunction", "resource": "f"}

    told = requests.post(f"{clean_aws}/_local/record-use", json=used, timeout=10)
    refused = requests.post(f"{clean_aws}/_local/record-use", json={"role_arn": ROLE}, timeout=10)

    assert (told.status_code, refused.status_code) == (200, 400)
    assert read_record(record) == [
        Call(ROLE, "chatbot.amazonaws.com", "InvokeFunction", "lambda:InvokeFunction", "f", {})
    ]
