"""A warehouse with its tables, AppFlow's place in it taken by the test, and a bucket in Account 1.

A test module takes the fixture by importing it:

    from tests.warehouse.refresh_fixtures import Scene, scene_fixture
    __all__ = ["scene_fixture"]
"""

# ruff: noqa: S608 - the tests' own names

import atexit
import functools
import json
import os
import tempfile
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import boto3
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from botocore.config import Config
from psycopg.rows import dict_row
from psycopg.sql import SQL, Identifier

from dataflows.contracts import naming, tables
from dataflows.contracts.events import DataFlowRunReported, RunStatus
from dataflows.contracts.plan import DateWindow, fill
from dataflows.contracts.reports import REPORT_TABLES, REPORTS, Report, custom_report
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.clock import EmulatedClock
from deploy.local.redshift.provision import PostgresServer
from deploy.local.redshift.stand_in import RedshiftStandIn
from deploy.local.redshift.workgroup import Workgroup
from deploy.local.servers.certificates import ensure_certificates
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_client, reset_aws
from warehouse.location import WarehouseLocation
from warehouse.refresh import Refreshed, refresh
from warehouse.runs import Run, RunKind, Runs, RunState
from warehouse.statements import Warehouse
from warehouse.unload import UnloadSession, UnloadTarget, unload

WORKGROUP, DATABASE, BUCKET = "warehouse", f"ga4_{uuid.uuid4().hex[:8]}", "unloads"
LOCATION = WarehouseLocation(workgroup=WORKGROUP, database=DATABASE)
PROPERTIES = ("1001", "1002", "1003")
CUSTOM_REPORTS = (
    custom_report("two", ("country", "city"), ("sessions", "totalRevenue")),
    custom_report("wide", tuple(f"customEvent:d{n}" for n in range(8)), tuple(f"customEvent:m{n}" for n in range(10))),
)
ALL_REPORTS: dict[str, Report] = {**REPORTS, **{report.slug: report for report in CUSTOM_REPORTS}}
AT = datetime(2026, 3, 10, 6, 30, tzinfo=UTC)
USERS = {name: f"IAMR:{name.removesuffix('_user')}" for name in tables.DATABASE_USERS} | {
    "unload_user": "IAMR:unload-caller"
}
REFRESH_ROLE, UNLOAD_CALLER_ROLE = (f"arn:aws:iam::{ACCOUNT_2}:role/{name}" for name in ("refresh", "unload-caller"))
ROLE_CHAIN = f"arn:aws:iam::{ACCOUNT_2}:role/redshift-unload,arn:aws:iam::{ACCOUNT_1}:role/unload"
TARGET = UnloadTarget(BUCKET, REGION_1, ROLE_CHAIN)


@dataclass
class Scene:
    """One test's warehouse: rows land, tables are refreshed and unloaded, everything can be looked at."""

    refresher: Warehouse
    unloader: Warehouse
    admin: psycopg.Connection
    news: list[DataFlowRunReported] = field(default_factory=list)

    def deliver(
        self,
        report: str,
        rows: Sequence[Sequence[str | None]],
        start_date: date,
        end_date: date | None = None,
        property_id: str = PROPERTIES[0],
        **changes: Any,
    ) -> Run:
        """Land rows (date, dimensions, metrics as text) as a run of AppFlow's; `changes` are to the run."""
        self.land(report, rows, property_id)
        run_id = uuid.uuid4().hex
        described: dict[str, Any] = {
            "correlation_id": str(uuid.uuid4()),
            "data_flow_id": str(uuid.uuid4()),
            "appflow_flow_name": naming.appflow_flow_name(property_id, report),
            "kind": RunKind.SCHEDULED,
            "requested_by": "operator",
            "status": RunState.SUCCEEDED,
            "execution_id": str(uuid.uuid4()),
            "ended_at": AT - timedelta(minutes=5),
            "rows_delivered": len(rows),
            "rows_failed": 0,
        }
        window = DateWindow(start_date, end_date or start_date)
        run = Run(
            **{
                **described,
                "run_id": run_id,
                "property_id": property_id,
                "report": report,
                "start_date": window.start_date,
                "end_date": window.end_date,
                **changes,
            }
        )
        Runs(self.refresher).add([run])
        return run

    def land(self, report: str, rows: Sequence[Sequence[str | None]], property_id: str = PROPERTIES[0]) -> None:
        """Insert rows into a landing table as AppFlow's database user does."""
        table = Identifier("ga4_landing", naming.landing_table(property_id, report))
        width = len(ALL_REPORTS[report].columns)
        marks = SQL(", ").join([SQL("%s")] * width)
        with self.admin.cursor() as cursor:
            cursor.executemany(SQL("INSERT INTO {} VALUES ({})").format(table, marks), rows)

    def refresh(self, table: str, at: datetime = AT) -> Refreshed:
        """Refresh a report table; its news is kept."""
        return refresh(self.refresher, REPORT_TABLES[table], at, self.news.extend)

    def unload(self, table: str, at: datetime = AT) -> int:
        """Unload a report table; its news is kept."""
        session = UnloadSession(self.refresher, self.unloader, TARGET)
        return unload(session, REPORT_TABLES[table], at, self.news.extend)

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a query, in PostgreSQL's SQL and types."""
        with self.admin.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(sql.encode()).fetchall()

    def partitions(self, table: str) -> dict[tuple[str, str, date], tuple[int, int]]:
        """Return generation and row count of each partition of a table, by property, report and date."""
        rows = self.rows(f"SELECT * FROM ga4_ops.partitions WHERE report_table = '{table}'")
        return {
            (row["property_id"], row["report_id"], row["date"]): (row["generation"], row["row_count"]) for row in rows
        }

    def traces(self, table: str) -> dict[date, tuple[str, str]]:
        """Return data flow id and correlation id of each partition of a table, by date."""
        rows = self.rows(f"SELECT * FROM ga4_ops.partitions WHERE report_table = '{table}'")
        return {row["date"]: (row["data_flow_id"], row["correlation_id"]) for row in rows}

    def run_of(self, run: Run) -> Run:
        """Return what has become of a run."""
        (found,) = Runs(self.refresher).find(run_id=run.run_id)
        return found

    def told(self, run: Run) -> list[RunStatus]:
        """Return what was reported of a run, in order."""
        return [news.status for news in self.news if news.run_id == run.run_id]

    def objects(self) -> list[str]:
        """Return the keys in the bucket, in order of their names."""
        listed = aws_client("s3").list_objects_v2(Bucket=BUCKET).get("Contents", [])
        return [item["Key"] for item in listed]

    def manifests(self, kind: str) -> list[str]:
        """Return the keys of the manifests of data or of control rows."""
        return [key for key in self.objects() if key.endswith(f"/{kind}/manifest")]

    def unloaded(self, manifest_key: str) -> pa.Table:
        """Return all rows of the parts a manifest names, in order."""
        s3 = aws_client("s3")
        manifest = json.load(s3.get_object(Bucket=BUCKET, Key=manifest_key)["Body"])
        keys = [entry["url"].removeprefix(f"s3://{BUCKET}/") for entry in manifest["entries"]]
        parts = [BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()) for key in keys]
        return pa.concat_tables([pq.read_table(part) for part in parts])


def day(offset: int) -> date:
    """Return a date of the tests, counted from the first of March."""
    return date(2026, 3, 1) + timedelta(offset)


def text(day_: date) -> str:
    """Return a date as GA4 writes it."""
    return f"{day_:%Y%m%d}"


def totals(day_: date, sessions: int | str, **values: str) -> list[str]:
    """Return a row of daily_totals."""
    metrics = {column.name: "1" for column in REPORT_TABLES["daily_totals"].metrics}
    return [text(day_), *{**metrics, "sessions": str(sessions), **values}.values()]


def event_row(day_: date, name: str | None, count: int = 1) -> list[str | None]:
    """Return a row of the events report."""
    return [text(day_), name, str(count), "1", "1", "0.5", "12.25"]


@pytest.fixture(name="scene")
def scene_fixture() -> Iterator[Scene]:
    """A warehouse with empty tables and a bucket with nothing in it."""
    stand_in, _ = _stand_in()
    reset_aws()
    _create_account_resources()
    with stand_in.warehouse.postgres.connect(DATABASE, autocommit=True) as admin:
        _empty_tables(admin)
        yield Scene(
            Warehouse(data_api(REFRESH_ROLE), LOCATION),
            Warehouse(data_api(UNLOAD_CALLER_ROLE), LOCATION),
            admin,
        )
    reset_aws()


def data_api_endpoint() -> str:
    """Return the URL at which all of AWS answers, Redshift's Data API included."""
    return _stand_in()[1]


def data_api(role_arn: str) -> Any:
    """Return a client of the Data API that signs as a role of Account 2."""
    given = aws_client("sts", ACCOUNT_2).assume_role(RoleArn=role_arn, RoleSessionName="tests")["Credentials"]
    return boto3.client(
        "redshift-data",
        region_name=REGION_2,
        endpoint_url=data_api_endpoint(),
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@functools.cache
def _stand_in() -> tuple[RedshiftStandIn, str]:
    """Start the stand-in and an endpoint with it, once for this process."""
    folder = tempfile.TemporaryDirectory(prefix="refresh-tests-")
    atexit.register(folder.cleanup)
    certificates = ensure_certificates(Path(folder.name) / "tls")
    stand_in = RedshiftStandIn(
        _postgres(),
        Workgroup(WORKGROUP, f"{WORKGROUP}-namespace", ACCOUNT_2, REGION_2),
        DATABASE,
        certificates.server_certificate_path,
        certificates.server_key_path,
        aws_client("sts").meta.endpoint_url,
        lambda *_event: None,
        assume_role_as_service,
    )
    stand_in.start_front()
    for user in USERS.values():
        stand_in.warehouse.connect_as_user(user).close()  # makes it, unless another test process has
    stand_in.warehouse.run_as_admin(_table_statements())
    server = EndpointServer(create_endpoint(stand_in.services, EmulatedClock(Path(folder.name) / "clock.json")))
    server.start()
    atexit.register(stand_in.close)
    atexit.register(server.stop)
    return stand_in, server.url


def _postgres() -> PostgresServer:
    host, port, user, password = (os.environ[f"LOCAL_POSTGRES_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD"))
    return PostgresServer(host, int(port), user, password)


def _table_statements() -> list[str]:
    stored = [kind(table) for table in REPORT_TABLES.values() for kind in (tables.raw, tables.combined)]
    landing = [tables.landing(property_id, report) for property_id in PROPERTIES for report in ALL_REPORTS.values()]
    created = [sql for table in (*tables.OPS_TABLES, *stored, *landing) for sql in table.statements()]
    return [fill(sql, USERS) for sql in (*tables.schema_statements(), *created)]


def _empty_tables(admin: psycopg.Connection) -> None:
    named = admin.execute("SELECT schemaname, tablename FROM pg_tables WHERE schemaname LIKE 'ga4_%'").fetchall()
    admin.execute(SQL("TRUNCATE {}").format(SQL(", ").join(Identifier(*name) for name in named)))


def create_role(account_id: str, name: str) -> None:
    """Create a role that Account 2 and Redshift may take on."""
    everybody = {"AWS": [f"arn:aws:iam::{ACCOUNT_2}:root"], "Service": "redshift.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": everybody, "Action": "sts:AssumeRole"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws_client("iam", account_id).create_role(RoleName=name, AssumeRolePolicyDocument=policy)


def _create_account_resources() -> None:
    for name in ("refresh", "unload-caller", "redshift-unload"):
        create_role(ACCOUNT_2, name)
    create_role(ACCOUNT_1, "unload")
    aws_client("s3").create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION_1})
