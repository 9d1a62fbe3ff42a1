import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError
from deploy.stacks.releases import Release, built_release
from deploy.stacks.values import computed_values
from tests.aws import aws_client


def _release(folder: Path, version: str, seconds: int) -> Path:
    path = folder / f"myapp-{version}.tar.gz"
    path.write_bytes(version.encode())
    path.with_name(f"{path.name}.sha256").write_text(f"{hashlib.sha256(version.encode()).hexdigest()}  {path.name}\n")
    os.utime(path, (seconds, seconds))
    return path


def test_the_newest_release_is_deployed(tmp_path: Path, environment: Environment) -> None:
    _release(tmp_path, "2", seconds=2)
    _release(tmp_path, "10", seconds=1)

    release = built_release(tmp_path)

    assert release is not None
    computed = computed_values(environment, release)
    assert computed["ReleaseVersion"] == "2"
    assert computed["ReleaseSha256"] == hashlib.sha256(b"2").hexdigest()


def test_without_a_release_none_is_named(tmp_path: Path, environment: Environment) -> None:
    assert built_release(tmp_path) is None
    assert "ReleaseVersion" not in computed_values(environment)


def test_a_release_that_was_changed_is_refused(tmp_path: Path) -> None:
    _release(tmp_path, "1", seconds=1).write_bytes(b"other")

    with pytest.raises(DeployError, match="is not what its"):
        built_release(tmp_path)


def test_a_release_is_uploaded_where_hosts_fetch_it(tmp_path: Path, clean_aws: str) -> None:
    s3 = aws_client("s3")
    s3.create_bucket(Bucket="try", CreateBucketConfiguration={"LocationConstraint": "ap-southeast-1"})

    key = Release(_release(tmp_path, "1", seconds=1), "1", "").upload(s3, "try")

    assert key == "releases/myapp-1.tar.gz"
    assert s3.get_object(Bucket="try", Key=key)["Body"].read() == b"1"


def test_the_pages_address_follows_from_the_domain(environment: Environment) -> None:
    given = replace(environment, stack_parameters={"app-host": {"DomainName": "ga.example.com"}})

    assert computed_values(given)["AppUrl"] == "https://ga.example.com"
    assert "AppUrl" not in computed_values(environment)
