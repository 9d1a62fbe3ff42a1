"""The stand-in on the run's PostgreSQL, its APIs behind HTTP, and moto for S3 and STS."""

import os
import re
import secrets
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from threading import Event, Thread
from typing import Any

import boto3
import psycopg
import pytest
import redshift_connector
from moto.server import ThreadedMotoServer
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

from deploy.local.aws.credentials import Credentials
from deploy.local.aws.service import Caller
from deploy.local.redshift.provision import PostgresServer
from deploy.local.redshift.stand_in import RedshiftStandIn
from deploy.local.redshift.workgroup import Workgroup
from deploy.local.servers.certificates import ensure_certificates

ACCOUNT_1, ACCOUNT_2 = "111111111111", "222222222222"
REGION_1, REGION_2 = "ap-southeast-1", "us-east-1"
WORKGROUP = Workgroup("warehouse", "warehouse-namespace", ACCOUNT_2, REGION_2)
FIRST_ROLE = f"arn:aws:iam::{ACCOUNT_2}:role/unload"
SECOND_ROLE = f"arn:aws:iam::{ACCOUNT_1}:role/reports-writer"
_SIGNATURE = re.compile(r"Credential=([^/]+)/\d+/([^/]+)/([^/]+)/")
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
    s3_url: str
    database: str
    events: PublishedEvents
    port: int

    def client(self, service: str, role: str, region: str = REGION_2) -> Any:
        """Return a boto3 client that signs as a role of Account 2."""
        return boto3.client(
            service,  # type: ignore[call-overload]
            region_name=region,
            endpoint_url=self.endpoint_url,
            aws_access_key_id=role,
            aws_secret_access_key="secret",
        )

    def connect(self, role: str, **options: Any) -> Any:
        """Log in with redshift_connector as the role's database user, by temporary credentials over TLS."""
        return redshift_connector.connect(
            iam=True,
            is_serverless=True,
            serverless_work_group=WORKGROUP.name,
            serverless_acct_id=ACCOUNT_2,
            host="localhost",
            port=self.port,
            region=REGION_2,
            database=self.database,
            access_key_id=role,
            secret_access_key="secret",
            session_token="token",
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
        return boto3.client(
            "s3",
            region_name=REGION_1,
            endpoint_url=self.s3_url,
            aws_access_key_id="x",
            aws_secret_access_key="x",
        )


@pytest.fixture(scope="session")
def postgres() -> PostgresServer:
    return PostgresServer(
        os.environ["LOCAL_POSTGRES_HOST"],
        int(os.environ["LOCAL_POSTGRES_PORT"]),
        os.environ["LOCAL_POSTGRES_USER"],
        os.environ["LOCAL_POSTGRES_PASSWORD"],
    )


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


def _assume_role_as_service(moto_url: str) -> Callable[[str, str, str], Credentials]:
    def assume(service: str, role_arn: str, session: str) -> Credentials:
        assert service == "redshift.amazonaws.com"
        sts = boto3.client(
            "sts", region_name=REGION_2, endpoint_url=moto_url, aws_access_key_id="x", aws_secret_access_key="x"
        )
        given = sts.assume_role(RoleArn=role_arn, RoleSessionName=session)["Credentials"]
        expires_at = datetime.now(UTC) + timedelta(hours=1)
        return Credentials(
            given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"], expires_at, role_arn, session
        )

    return assume


@pytest.fixture(scope="session")
def cloud_session(postgres: PostgresServer, moto_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cloud]:
    folder = tmp_path_factory.mktemp("certificates") / "tls"
    certificates = ensure_certificates(folder)
    events = PublishedEvents()
    database = f"warehouse_{uuid.uuid4().hex[:8]}"
    stand_in = RedshiftStandIn(
        postgres,
        WORKGROUP,
        database,
        certificates.server_certificate_path,
        certificates.server_key_path,
        moto_url,
        events.publish,
        _assume_role_as_service(moto_url),
    )
    port = stand_in.start_front()
    services = {service.scope: service for service in stand_in.services}

    @Request.application
    def application(request: Request) -> Response:
        signature = _SIGNATURE.search(request.headers["Authorization"])
        assert signature is not None
        role, region, scope = signature.groups()
        return services[scope].handle(request, Caller(ACCOUNT_2, region, f"arn:aws:iam::{ACCOUNT_2}:role/{role}"))

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("SSL_CERT_FILE", str(certificates.ca_path))
        yield Cloud(stand_in, f"http://127.0.0.1:{server.server_port}", moto_url, database, events, port)
    server.shutdown()
    thread.join()
    server.server_close()
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
    with cloud.stand_in.connect_as_role(f"arn:aws:iam::{ACCOUNT_2}:role/{role}") as connection:
        yield connection


@pytest.fixture
def bucket(cloud: Cloud) -> str:
    """A bucket of Account 1's region."""
    name = f"reports-{secrets.token_hex(4)}"
    cloud.s3().create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION_1})
    return name
