"""The stand-in on the run's PostgreSQL, its APIs behind the local AWS endpoint, S3 and STS beside them."""

import json
import os
import secrets
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event
from typing import Any

import psycopg
import pytest
import redshift_connector

from deploy.local.aws.credentials import Credentials, issue_credentials
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.clock import EmulatedClock
from deploy.local.redshift.provision import PostgresServer
from deploy.local.redshift.stand_in import RedshiftStandIn
from deploy.local.redshift.workgroup import Workgroup
from deploy.local.servers.certificates import ensure_certificates
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_client, aws_endpoint, clean_aws, signed_client

__all__ = ["aws_endpoint", "clean_aws"]

WORKGROUP = Workgroup("warehouse", "warehouse-namespace", ACCOUNT_2, REGION_2)
FIRST_ROLE = f"arn:aws:iam::{ACCOUNT_2}:role/unload"
SECOND_ROLE = f"arn:aws:iam::{ACCOUNT_1}:role/reports-writer"
_EVENT_SECONDS = 10


@dataclass
class PublishedEvents:
    """The service events the stand-in published."""

    details: list[dict[str, Any]] = field(default_factory=list)
    arrived: Event = field(default_factory=Event)

    def publish(
        self, account: str, region: str, source: str, kind: str, detail: dict[str, Any], arns: list[str], at: datetime
    ) -> None:
        about = {"account": account, "region": region, "source": source, "kind": kind, "arns": arns, "time": at}
        self.details.append(about | {"detail": detail})
        self.arrived.set()

    def wait(self) -> dict[str, Any]:
        assert self.arrived.wait(_EVENT_SECONDS)
        return self.details[-1]


@dataclass
class Cloud:
    """The stand-in and everything around it that a test talks to."""

    stand_in: RedshiftStandIn
    endpoint_url: str
    database: str
    events: PublishedEvents
    port: int

    def client(self, service: str, role: str, region: str = REGION_2) -> Any:
        """Return a boto3 client that signs as a role of Account 2."""
        keys = _session(role)
        return signed_client(
            service,
            region,
            keys.access_key_id,
            secret=keys.secret_access_key,
            token=keys.session_token,
            endpoint_url=self.endpoint_url,
        )

    def connect(self, role: str, **options: Any) -> Any:
        """Log in with redshift_connector as the role's database user, by temporary credentials over TLS."""
        keys = _session(role)
        return redshift_connector.connect(
            iam=True,
            is_serverless=True,
            serverless_work_group=WORKGROUP.name,
            serverless_acct_id=ACCOUNT_2,
            host="localhost",
            port=self.port,
            region=REGION_2,
            database=self.database,
            access_key_id=keys.access_key_id,
            secret_access_key=keys.secret_access_key,
            session_token=keys.session_token,
            endpoint_url=self.endpoint_url,
            sslmode="verify-full",
            iam_disable_cache=True,
            **options,
        )

    def run(self, role: str, sql: str | list[str], **options: Any) -> dict[str, Any]:
        """Run a statement, or a batch, through the Data API to its end and return its description."""
        data = self.client("redshift-data", role)
        target = {"WorkgroupName": WORKGROUP.name, "Database": self.database}
        if isinstance(sql, str):
            answer = data.execute_statement(Sql=sql, **target, **options)
        else:
            answer = data.batch_execute_statement(Sqls=sql, **target, **options)
        described: dict[str, Any] = data.describe_statement(Id=answer["Id"], WaitTimeSeconds=30)
        return described

    def s3(self) -> Any:
        """Return an S3 client of Account 1."""
        return aws_client("s3", ACCOUNT_1)


def _session(role: str) -> Credentials:
    return issue_credentials(f"arn:aws:iam::{ACCOUNT_2}:role/{role}", "tests", 3600)


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    return PostgresServer(
        os.environ["LOCAL_POSTGRES_HOST"],
        int(os.environ["LOCAL_POSTGRES_PORT"]),
        os.environ["LOCAL_POSTGRES_USER"],
        os.environ["LOCAL_POSTGRES_PASSWORD"],
    )


@pytest.fixture(scope="session")
def cloud_session(
    postgres: PostgresServer, aws_endpoint: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("redshift")
    certificates = ensure_certificates(folder / "tls")
    events = PublishedEvents()
    database = f"warehouse_{uuid.uuid4().hex[:8]}"
    stand_in = RedshiftStandIn(
        postgres,
        WORKGROUP,
        database,
        certificates.server_certificate_path,
        certificates.server_key_path,
        aws_endpoint,
        events.publish,
        assume_role_as_service,
    )
    port = stand_in.start_front()
    clock = EmulatedClock(folder / "clock.json")
    with (
        EndpointServer(create_endpoint(stand_in.services, clock)) as endpoint,
        pytest.MonkeyPatch.context() as environment,
    ):
        environment.setenv("SSL_CERT_FILE", str(certificates.ca_path))
        yield Cloud(stand_in, endpoint.url, database, events, port)
    stand_in.close()
    with postgres.connect("postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {database} WITH (FORCE)".encode())


@pytest.fixture
def cloud(cloud_session: Cloud) -> Iterator[Cloud]:
    """The stand-in without faults and with no events yet."""
    cloud_session.events.details.clear()
    cloud_session.events.arrived.clear()
    yield cloud_session
    cloud_session.stand_in.faults.fail_next_statements.clear()
    cloud_session.stand_in.faults.is_paused = False


@pytest.fixture
def role(cloud: Cloud) -> str:
    """A role of Account 2 nobody used before, whose database user may create schemas."""
    name = f"role-{secrets.token_hex(4)}"
    cloud.stand_in.warehouse.run_as_admin(
        [
            f'CREATE USER "IAMR:{name}" PASSWORD DISABLE',
            f'GRANT CREATE, TEMP ON DATABASE {cloud.database} TO "IAMR:{name}"',
        ]
    )
    return name


@pytest.fixture
def schema(cloud: Cloud, role: str) -> str:
    """A schema of its own for a test, owned by `role`."""
    name = f"s_{secrets.token_hex(4)}"
    assert cloud.run(role, f"CREATE SCHEMA {name}")["Status"] == "FINISHED"
    return name


@pytest.fixture
def connection(cloud: Cloud, role: str) -> Iterator[psycopg.Connection]:
    """A PostgreSQL session as the role's database user, for running translated SQL."""
    with cloud.stand_in.connect_as_user(f"IAMR:{role}") as connection:
        yield connection


@pytest.fixture
def bucket(cloud: Cloud, clean_aws: str) -> str:
    """A bucket of Account 1's region, and the roles of the chain that leads to it."""
    _create_role(FIRST_ROLE, {"Service": "redshift.amazonaws.com"})
    _create_role(SECOND_ROLE, {"AWS": FIRST_ROLE})
    name = f"reports-{secrets.token_hex(4)}"
    cloud.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION_1})
    return name


def _create_role(arn: str, principal: dict[str, str]) -> None:
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    account, name = arn.split(":")[4], arn.rpartition("/")[2]
    aws_client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=policy)
