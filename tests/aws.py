"""The local AWS endpoint for tests: one for each pytest process, in a thread of it.

    from tests.aws import ACCOUNT_1, REGION_1, aws_client, aws_endpoint, reset_aws

`aws_endpoint` is a fixture with the endpoint's URL; `clean_aws` gives the same with nothing left of earlier tests.
"""

import atexit
import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import botocore.session
import pytest
from botocore.config import Config

from deploy.local.aws.endpoint import create_endpoint, reset_state
from deploy.local.aws.eventbridge import use_clock
from deploy.local.aws.server import EndpointServer
from deploy.local.clock import EmulatedClock

ACCOUNT_1, REGION_1 = "111111111111", "ap-southeast-1"
ACCOUNT_2, REGION_2 = "222222222222", "us-east-1"

# A process of the product keeps its session; tests have one after another, and each would read AWS's models anew.
botocore.session.create_loader = functools.cache(botocore.session.create_loader)


@functools.cache
def _clock() -> EmulatedClock:
    folder = tempfile.TemporaryDirectory(prefix="aws-clock-")
    atexit.register(folder.cleanup)
    return EmulatedClock(Path(folder.name) / "clock.json")


@functools.cache
def _server() -> EndpointServer:
    server = EndpointServer(create_endpoint([], _clock()))
    server.start()
    atexit.register(server.stop)
    return server


@pytest.fixture(scope="session")
def aws_endpoint() -> str:
    """The URL of this process's endpoint, for boto3's `endpoint_url`."""
    return _server().url


@pytest.fixture
def clean_aws(aws_endpoint: str) -> Iterator[str]:
    """The URL of the endpoint, in which nothing exists yet; what the test makes is gone after it."""
    reset_aws()
    yield aws_endpoint
    reset_aws()


@pytest.fixture
def aws_clock() -> Iterator[EmulatedClock]:
    """The clock the endpoint's events carry; it follows the real time again after the test."""
    use_clock(_clock())  # another endpoint of this process may have had its own since
    yield _clock()
    _clock().follow_real_time()


def reset_aws() -> None:
    """Forget all resources of all accounts."""
    reset_state()


@functools.cache
def aws_client(service: str, account_id: str = ACCOUNT_1, region: str | None = None) -> Any:
    """Return a boto3 client that signs as an account's root, in that account's own region unless another is named.

    It never retries, so that a test sees each answer. For a role's session use `client_of_session`.
    """
    own_region = REGION_1 if account_id == ACCOUNT_1 else REGION_2
    return signed_client(service, region or own_region, account_id)


def client_of_session(service: str, region: str, credentials: dict[str, Any]) -> Any:
    """Return a boto3 client that signs with the `Credentials` of AssumeRole."""
    key, secret, token = (credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken"))
    return signed_client(service, region, key, secret=secret, token=token)


def signed_client(
    service: str,
    region: str,
    key: str,
    *,
    secret: str | None = None,
    token: str | None = None,
    endpoint_url: str | None = None,
    **config: Any,
) -> Any:
    """Return a boto3 client that signs with this access key; `config` are botocore's settings."""
    # boto3's own types know one signature for each service name; here the name is a variable.
    make: Any = _session().client
    return make(
        service,
        region_name=region,
        endpoint_url=endpoint_url or _server().url,
        aws_access_key_id=key,
        aws_secret_access_key=secret or "any",
        aws_session_token=token,
        config=Config(retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}, **config),
    )


@functools.cache
def _session() -> boto3.Session:
    return boto3.Session()
