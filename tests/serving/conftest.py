"""A bucket, a queue and a database for the loader; all over the wire."""

import json
import os
from collections.abc import Iterator

import boto3
import pytest
from django.db import connection as django_connection
from moto.server import ThreadedMotoServer
from mypy_boto3_s3 import S3Client

from serving.config import Config
from serving.unload_files import UnloadBucket
from tests.queues import FedQueue

BUCKET = "loader-unloads"  # one that no deployed stack of the same process has
OWNER = "123456789012"


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer(port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep the credentials of an earlier test
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
    }.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def s3(aws: None) -> Iterator[S3Client]:
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    client.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    yield client
    empty_bucket()
    client.delete_bucket(Bucket=BUCKET)
    client.close()


def empty_bucket() -> None:
    """Delete all versions of all objects; often, where there are many: moto deletes slowly among thousands."""
    bucket = boto3.resource("s3").Bucket(BUCKET)
    while list(bucket.object_versions.limit(1)):
        bucket.object_versions.delete()  # moto loses its place where there are more than a page of them


@pytest.fixture
def queue(aws: None) -> Iterator[FedQueue]:
    sqs = boto3.client("sqs")
    url = sqs.create_queue(QueueName="upsert", Attributes={"VisibilityTimeout": "5400"})["QueueUrl"]
    yield FedQueue(sqs, url)
    sqs.delete_queue(QueueUrl=url)


@pytest.fixture
def config(s3: S3Client, queue: FedQueue, transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> Config:
    secret = boto3.client("secretsmanager").create_secret(
        Name=f"database-{os.urandom(4).hex()}",
        SecretString=json.dumps({"password": os.environ["MYAPP_DATABASE_PASSWORD"]}),
    )
    settings = {
        "QUEUE_URL": queue.url,
        "UNLOAD_BUCKET": BUCKET,
        "UNLOAD_BUCKET_OWNER": OWNER,
        "DATABASE_HOST": "localhost",
        "DATABASE_PORT": os.environ["MYAPP_DATABASE_PORT"],
        "DATABASE_NAME": str(django_connection.settings_dict["NAME"]),
        "DATABASE_USER": os.environ["MYAPP_DATABASE_USER"],
        "DATABASE_AUTH": "secret",
        "DATABASE_SECRET_ARN": secret["ARN"],
        "DATABASE_CA_BUNDLE": os.environ["MYAPP_DATABASE_CA_BUNDLE"],
        "ARROW_DEFAULT_MEMORY_POOL": "system",
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    return Config.from_environment()


@pytest.fixture
def bucket(s3: S3Client, config: Config) -> UnloadBucket:
    return UnloadBucket.of(s3, config)
