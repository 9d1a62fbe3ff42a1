"""What lies in Account 1 for a host to fetch: the release, Amazon's agents, the secrets."""

import hashlib
import json
import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.servers.redis import RedisServer
from tests.deploy.host.template import host_policy, user_data

NAME: Final = "reports.example.com"
RELEASES: Final = "myapp-releases"
_AGENTS: Final = {
    "amazon-ssm": "latest/debian_amd64/amazon-ssm-agent.deb",
    "amazoncloudwatch-agent": "debian/amd64/latest/amazon-cloudwatch-agent.deb",
}
_SERVICES: Final = ("s3", "secretsmanager", "sqs", "events", "cloudformation", "sts")


@dataclass(frozen=True)
class Release:
    """A release in the bucket: the user data of a host that installs it, and what its stack lets the role do."""

    version: str
    script: str
    policy: dict[str, Any]


def aws_names() -> list[str]:
    """Return the names at which AWS is asked for: those of its services and of the buckets."""
    buckets = (RELEASES, *(f"{prefix}-{APP.region}" for prefix in _AGENTS))
    hosts = (*_SERVICES, *(f"{bucket}.s3" for bucket in buckets))
    return [f"{host}.{APP.region}.amazonaws.com" for host in hosts]


def publish(endpoint: str, archive: Path, outputs: Mapping[str, str], redis: RedisServer, database: str) -> Release:
    """Put the release, Amazon's agents and the secrets where a host looks for them."""
    s3, secrets = APP.client("s3", endpoint), APP.client("secretsmanager", endpoint)
    place = {"CreateBucketConfiguration": {"LocationConstraint": APP.region}}
    for bucket in (RELEASES, *(f"{prefix}-{APP.region}" for prefix in _AGENTS)):
        s3.create_bucket(Bucket=bucket, **place)
    s3.upload_file(str(archive), RELEASES, f"releases/{archive.name}")
    for prefix, key in _AGENTS.items():
        s3.upload_file(str(_agent(archive.parent, Path(key).stem)), f"{prefix}-{APP.region}", key)
    values = {
        "secret-key": "k" * 64,
        "redis": redis.password,
        "database": json.dumps({"password": os.environ["MYAPP_DATABASE_PASSWORD"]}),
    }
    arns = {name: secrets.create_secret(Name=name, SecretString=value)["ARN"] for name, value in values.items()}
    parameters = {
        "ArtifactBucketName": RELEASES,
        "ReleaseVersion": archive.name[6:-7],
        "ReleaseSha256": hashlib.sha256(archive.read_bytes()).hexdigest(),
        "DomainName": NAME,
        "DatabaseHost": os.environ["MYAPP_DATABASE_HOST"],
        "DatabasePort": os.environ["MYAPP_DATABASE_PORT"],
        "DatabaseName": database,
        "AppDatabaseUser": os.environ["MYAPP_DATABASE_USER"],
        "DatabaseAuth": "password",  # MariaDB knows no IAM
        "AppDatabaseSecretArn": arns["database"],
        "RedisHost": redis.host,
        "RedisPort": str(redis.port),
        "RedisSecretArn": arns["redis"],
        "WarehouseAccountId": WAREHOUSE.account_id,
        **{name: outputs[name] for name in ("AppBusName", "StatusQueueUrl", "UpsertQueueUrl")},
    }
    resources = {"SecretKey": arns["secret-key"], "HostLogs": "/myapp/hosts"}
    return Release(archive.name[6:-7], user_data(parameters, resources), host_policy(parameters, resources))


def _agent(folder: Path, name: str) -> Path:
    """Build a package of that name, with a program that the installation calls."""
    root = folder / name
    (root / "DEBIAN").mkdir(parents=True)
    fields = {"Package": name, "Version": "1", "Architecture": "all", "Maintainer": "nobody", "Description": "none"}
    (root / "DEBIAN/control").write_text("".join(f"{key}: {value}\n" for key, value in fields.items()))
    program = root / f"usr/bin/{name}-ctl"
    program.parent.mkdir(parents=True)
    program.write_text('#!/bin/sh\necho "$@" >/var/log/agent-was-told\n')
    program.chmod(0o755)
    subprocess.run(["dpkg-deb", "--build", root, folder / f"{name}.deb"], check=True, capture_output=True)
    return folder / f"{name}.deb"
