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
_AGENTS: Final = {"SsmAgentSha256": "amazon-ssm-agent", "CloudWatchAgentSha256": "amazon-cloudwatch-agent"}
_SERVICES: Final = ("s3", "secretsmanager", "sqs", "events", "cloudformation", "sts")


@dataclass(frozen=True)
class Release:
    """A release in the bucket: the user data of a host that installs it, and what its stack lets the role do."""

    version: str
    script: str
    policy: dict[str, Any]


def aws_names() -> list[str]:
    """Return the names at which AWS is asked for: those of its services and of the buckets."""
    hosts = (*_SERVICES, f"{RELEASES}.s3")
    return [f"{host}.{APP.region}.amazonaws.com" for host in hosts]


def publish(endpoint: str, archive: Path, outputs: Mapping[str, str], redis: RedisServer, database: str) -> Release:
    """Put the release, Amazon's agents and the secrets where a host looks for them."""
    s3, secrets = APP.client("s3", endpoint), APP.client("secretsmanager", endpoint)
    place = {"CreateBucketConfiguration": {"LocationConstraint": APP.region}}
    s3.create_bucket(Bucket=RELEASES, **place)
    s3.upload_file(str(archive), RELEASES, f"releases/{archive.name}")
    agents = {parameter: _agent(archive.parent, name) for parameter, name in _AGENTS.items()}
    for package in agents.values():
        s3.upload_file(str(package), RELEASES, f"agents/{package.stem}-{_sha256(package)}.deb")
    values = {
        "secret-key": "k" * 64,
        "redis": redis.password,
        "database": json.dumps({"password": os.environ["MYAPP_DATABASE_PASSWORD"]}),
    }
    arns = {name: secrets.create_secret(Name=name, SecretString=value)["ARN"] for name, value in values.items()}
    parameters = {
        "ArtifactBucketName": RELEASES,
        "ReleaseVersion": archive.name[6:-7],
        "ReleaseSha256": _sha256(archive),
        **{parameter: _sha256(package) for parameter, package in agents.items()},
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


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


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
