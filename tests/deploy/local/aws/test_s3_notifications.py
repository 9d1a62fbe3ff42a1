import json
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local.aws.sts import assume_role_as_service
from tests.aws import ACCOUNT_1, REGION_1, aws_client, client_of_session
from tests.deploy.local.aws.buses import bodies, make_queue, policy

BUCKET = "unloads"
BUCKET_ARN = f"arn:aws:s3:::{BUCKET}"


@pytest.fixture
def s3(clean_aws: str) -> Any:
    client = aws_client("s3")
    client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION_1})
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    return client


@pytest.fixture
def queue(s3: Any) -> str:
    """A queue told of every new object; the test message is already read."""
    arn = make_queue("new-objects", sender="s3.amazonaws.com")
    notify(s3, arn)
    assert [body["Event"] for body in bodies(arn)] == ["s3:TestEvent"]
    return arn


def notify(s3: Any, queue_arn: str, kind: str = "Queue", **more: Any) -> None:
    destination = {f"{kind}Arn": queue_arn, "Events": ["s3:ObjectCreated:*"]} | more
    s3.put_bucket_notification_configuration(
        Bucket=BUCKET, NotificationConfiguration={f"{kind}Configurations": [destination]}
    )


def records(queue_arn: str) -> list[dict[str, Any]]:
    return [record for body in bodies(queue_arn) for record in body["Records"]]


def test_a_new_object_is_announced_as_by_s3(s3: Any, queue: str) -> None:
    put = s3.put_object(Bucket=BUCKET, Key="daily totals/é+1/part.parquet", Body=b"12345")
    (record,) = records(queue)
    assert (record["eventSource"], record["eventName"]) == ("aws:s3", "ObjectCreated:Put")
    assert record["awsRegion"] == REGION_1
    assert record["s3"]["bucket"] == {
        "name": BUCKET,
        "ownerIdentity": {"principalId": ACCOUNT_1},
        "arn": BUCKET_ARN,
    }
    described = record["s3"]["object"]
    assert described["key"] == "daily+totals/%C3%A9%2B1/part.parquet"
    assert (described["size"], described["versionId"]) == (5, put["VersionId"])
    assert described["eTag"] == put["ETag"].strip('"')


def test_sequencers_grow_with_each_write_of_a_key(s3: Any, queue: str) -> None:
    for number in range(5):
        s3.put_object(Bucket=BUCKET, Key="control.parquet", Body=b"x" * number)
    found = sorted(records(queue), key=lambda record: record["s3"]["object"]["size"])
    sequencers = [record["s3"]["object"]["sequencer"] for record in found]
    assert sequencers == sorted(set(sequencers))
    assert all(int(sequencer, 16) for sequencer in sequencers)


def test_a_bucket_without_versions_names_none(s3: Any, queue: str) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Suspended"})
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    assert "versionId" not in records(queue)[0]["s3"]["object"]


def test_a_multipart_upload_is_announced_once_when_it_is_complete(s3: Any, queue: str) -> None:
    upload = {"Bucket": BUCKET, "Key": "large.parquet"}
    upload["UploadId"] = s3.create_multipart_upload(**upload)["UploadId"]
    part = s3.upload_part(**upload, PartNumber=1, Body=b"12345")
    assert records(queue) == []
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]})
    (record,) = records(queue)
    assert record["eventName"] == "ObjectCreated:CompleteMultipartUpload"
    assert record["s3"]["object"]["size"] == 5


def test_only_keys_with_the_prefix_and_suffix_are_announced(s3: Any) -> None:
    arn = make_queue("control", sender="s3.amazonaws.com")
    rules = [{"Name": "prefix", "Value": "daily_totals/"}, {"Name": "suffix", "Value": "manifest"}]
    notify(s3, arn, Filter={"Key": {"FilterRules": rules}})
    for key in ("daily_totals/1/control/manifest", "daily_totals/1/data/part", "pages/1/control/manifest"):
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"")
    assert [body["Records"][0]["s3"]["object"]["key"] for body in bodies(arn) if "Records" in body] == [
        "daily_totals/1/control/manifest"
    ]


def test_a_removed_object_has_no_size(s3: Any, queue: str) -> None:
    notify(s3, queue, Events=["s3:ObjectRemoved:*"])
    version = s3.put_object(Bucket=BUCKET, Key="a", Body=b"1")["VersionId"]
    s3.delete_object(Bucket=BUCKET, Key="a", VersionId=version)
    removed = [body["Records"][0] for body in bodies(queue) if "Records" in body]
    assert [record["eventName"] for record in removed] == ["ObjectRemoved:Delete"]
    assert "size" not in removed[0]["s3"]["object"]


def test_an_object_written_by_another_account_is_announced_by_the_buckets_owner(s3: Any, queue: str) -> None:
    trust = policy({"Principal": {"Service": "redshift.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = aws_client("iam", "222222222222").create_role(RoleName="unload", AssumeRolePolicyDocument=trust)
    issued = assume_role_as_service("redshift.amazonaws.com", role["Role"]["Arn"], "unload").as_json()
    client_of_session("s3", REGION_1, issued).put_object(Bucket=BUCKET, Key="from-account-2", Body=b"")
    assert [record["s3"]["object"]["key"] for record in records(queue)] == ["from-account-2"]


SEND = {"Principal": {"Service": "s3.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*"}


@pytest.mark.parametrize(
    "condition",
    [
        {"ArnLike": {"aws:SourceArn": BUCKET_ARN}, "StringEquals": {"aws:SourceAccount": ACCOUNT_1}},
        {"ArnLike": {"aws:SourceArn": "arn:aws:s3:*:*:unloads"}},
    ],
)
def test_a_queue_that_admits_this_bucket_is_notified(s3: Any, condition: dict[str, Any]) -> None:
    arn = make_queue("strict", Policy=policy(SEND | {"Condition": condition}))
    notify(s3, arn)
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    assert len(bodies(arn)) == 2


@pytest.mark.parametrize(
    "statement",
    [
        SEND | {"Condition": {"ArnLike": {"aws:SourceArn": "arn:aws:s3:::another"}}},
        SEND | {"Condition": {"StringEquals": {"aws:SourceAccount": "222222222222"}}},
        SEND | {"Principal": {"Service": "events.amazonaws.com"}},
    ],
)
def test_a_queue_that_does_not_admit_the_bucket_is_refused_and_changes_nothing(
    s3: Any, queue: str, statement: dict[str, Any]
) -> None:
    with pytest.raises(ClientError, match="Unable to validate the following destination") as refused:
        notify(s3, make_queue("strict", Policy=policy(statement)))
    assert refused.value.response["Error"]["Code"] == "InvalidArgument"
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    assert len(records(queue)) == 1


@pytest.mark.parametrize("name", ["missing", "ordered.fifo"])
def test_a_destination_that_is_missing_or_fifo_is_refused(s3: Any, name: str) -> None:
    if name.endswith("fifo"):
        make_queue(name, sender="s3.amazonaws.com", FifoQueue="true", ContentBasedDeduplication="true")
    with pytest.raises(ClientError) as refused:
        notify(s3, f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:{name}")
    assert refused.value.response["Error"]["Code"] == "InvalidArgument"


def test_a_queue_of_another_region_is_refused(s3: Any) -> None:
    with pytest.raises(ClientError, match="region"):
        notify(s3, make_queue("far", "222222222222", sender="s3.amazonaws.com"))


def test_a_notification_that_cannot_be_delivered_is_on_record(s3: Any, queue: str, clean_aws: str) -> None:
    aws_client("sqs").delete_queue(QueueUrl=f"{clean_aws}/{ACCOUNT_1}/new-objects")
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    (lost,) = requests.get(f"{clean_aws}/_local/undelivered", timeout=5).json()
    assert (lost["source_arn"], lost["error_code"]) == (BUCKET_ARN, "NO_RESOURCE")


def test_a_topic_is_notified(s3: Any) -> None:
    sns, arn = aws_client("sns"), make_queue("subscribed")
    topic = sns.create_topic(Name="objects")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    statement = {"Principal": {"Service": "s3.amazonaws.com"}, "Action": "SNS:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(statement))
    notify(s3, topic, kind="Topic")
    s3.put_object(Bucket=BUCKET, Key="a", Body=b"")
    messages = [json.loads(body["Message"]) for body in bodies(arn)]
    assert [message.get("Event") or message["Records"][0]["eventName"] for message in messages] == [
        "s3:TestEvent",
        "ObjectCreated:Put",
    ]


@pytest.mark.parametrize(
    "configuration",
    [
        {"EventBridgeConfiguration": {}},
        {
            "LambdaFunctionConfigurations": [
                {
                    "LambdaFunctionArn": f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:x",
                    "Events": ["s3:ObjectCreated:*"],
                }
            ]
        },
    ],
)
def test_destinations_that_would_be_ignored_are_refused(s3: Any, configuration: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
