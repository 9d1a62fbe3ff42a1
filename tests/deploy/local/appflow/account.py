"""What a test of AppFlow works with: Google, the warehouse, buckets and roles, and the requests that fit them."""

import json
import threading
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.local.appflow.service import AppFlow
from deploy.local.clock import EmulatedClock
from deploy.local.ga4.state import Ga4State
from deploy.local.redshift.provision import Warehouse
from tests.aws import ACCOUNT_2, REGION_2, aws_client, signed_client

PROPERTY_ID = "311"
NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
REFRESH_TOKEN = "1//refresh"
GOOGLE, REDSHIFT = "google", "redshift"
INTERMEDIATE_BUCKET, ERROR_BUCKET = "intermediate", "errors"
INGEST_ROLE = f"arn:aws:iam::{ACCOUNT_2}:role/appflow-ingest"
COPY_ROLE = f"arn:aws:iam::{ACCOUNT_2}:role/copy"
INGEST_USER = '"IAMR:appflow-ingest"'
TABLE = "ga4_landing.p311_daily"
FIELDS = {"date": "date", "country": "country", "sessions": "sessions"}
START_REPORT, END_REPORT = "AppFlow Start Flow Run Report", "AppFlow End Flow Run Report"
_LONGEST_WAIT_SECONDS = 30


@dataclass
class PublishedEvents:
    """The events AppFlow sent, as (detail type, detail)."""

    sent: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    envelopes: list[tuple[str, str, str, list[str], datetime]] = field(default_factory=list)
    _changed: threading.Condition = field(default_factory=threading.Condition)

    def publish(
        self, account: str, region: str, source: str, kind: str, detail: dict[str, Any], arns: list[str], at: datetime
    ) -> None:
        with self._changed:
            self.sent.append((kind, detail))
            self.envelopes.append((account, region, source, arns, at))
            self._changed.notify_all()

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [detail for sent_kind, detail in self.sent if sent_kind == kind]

    def wait_for(self, kind: str, count: int = 1) -> list[dict[str, Any]]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.of(kind)) >= count, _LONGEST_WAIT_SECONDS), self.sent
        return self.of(kind)


@dataclass
class Account:
    """One account with AppFlow in it."""

    service: AppFlow
    clock: EmulatedClock
    events: PublishedEvents
    google: Ga4State
    warehouse: Warehouse
    client: Any

    def with_profiles(self) -> "Account":
        """Make both connector profiles."""
        self.client.create_connector_profile(**google_profile())
        self.client.create_connector_profile(**redshift_profile())
        return self

    def refusal(self, operation: str, **members: Any) -> tuple[str, int, str]:
        """Return the code, the HTTP status and the message that a call is refused with."""
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**members)
        answer = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]

    def entity(self, report: str = "Core Report") -> str:
        """Find the entity of the property's report as the product does: by its label."""
        tops = self.entities()
        path = next(one["name"] for one in tops if one["label"] == report)
        label = f"properties/{PROPERTY_ID} "
        return next(str(one["name"]) for one in self.entities(path) if label in one["label"])

    def entities(self, path: str | None = None) -> list[dict[str, Any]]:
        call = {"entitiesPath": path} if path else {}
        answer = self.client.list_connector_entities(
            connectorProfileName=GOOGLE, connectorType="CustomConnector", apiVersion="v1beta", **call
        )
        return [entity for group in answer["connectorEntityMap"].values() for entity in group]

    def flow(self, name: str = "ga4-daily", **changes: Any) -> dict[str, Any]:
        """Return a request that CreateFlow accepts, with other members where they are given."""
        return flow_request(name, self.entity()) | changes

    def create(self, name: str = "ga4-daily", **changes: Any) -> None:
        self.client.create_flow(**self.flow(name, **changes))

    def run(self, name: str = "ga4-daily") -> dict[str, Any]:
        """Run an OnDemand flow and return its record when it is over."""
        seen = len(self.events.of(END_REPORT))
        execution_id = self.client.start_flow(flowName=name)["executionId"]
        self.events.wait_for(END_REPORT, seen + 1)
        return next(one for one in self.records(name) if one["executionId"] == execution_id)

    def records(self, name: str = "ga4-daily") -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client.describe_flow_execution_records(flowName=name)["flowExecutions"]
        return found

    def rows(self, table: str = TABLE) -> list[tuple[Any, ...]]:
        with self.warehouse.connect_as_user(INGEST_USER.strip('"')) as connection:
            return sorted(connection.execute(f"SELECT * FROM {table}".encode()).fetchall())  # noqa: S608

    def advance(self, **length: float) -> None:
        """Move the clock on and let AppFlow look at it."""
        self.clock.set(self.clock.now() + timedelta(**length))
        self.service.tick()


MakeAccount = Callable[..., Account]


def flow_request(name: str, entity: str, fields: dict[str, str] | None = None, table: str = TABLE) -> dict[str, Any]:
    """Return CreateFlow's members for a flow that copies fields to columns."""
    mapped = FIELDS if fields is None else fields
    redshift = {
        "object": table,
        "intermediateBucketName": INTERMEDIATE_BUCKET,
        "errorHandlingConfig": {"bucketName": ERROR_BUCKET, "bucketPrefix": "failed"},
    }
    destination = {
        "connectorType": "Redshift",
        "connectorProfileName": REDSHIFT,
        "destinationConnectorProperties": {"Redshift": redshift},
    }
    return {
        "flowName": name,
        "triggerConfig": {"triggerType": "OnDemand"},
        "sourceFlowConfig": {
            "connectorType": "CustomConnector",
            "apiVersion": "v1beta",
            "connectorProfileName": GOOGLE,
            "sourceConnectorProperties": {"CustomConnector": {"entityName": entity}},
        },
        "destinationFlowConfigList": [destination],
        "tasks": [projection(*mapped), *(mapping(source, column) for source, column in mapped.items())],
    }


def task(kind: str, operator: str, fields: list[str], **properties: str) -> dict[str, Any]:
    return {
        "taskType": kind,
        "connectorOperator": {"CustomConnector": operator},
        "sourceFields": fields,
        "taskProperties": properties,
    }


def projection(*fields: str) -> dict[str, Any]:
    return task("Filter", "PROJECTION", list(fields))


def mapping(source: str, column: str) -> dict[str, Any]:
    types = {"SOURCE_DATA_TYPE": "String", "DESTINATION_DATA_TYPE": "character varying"}
    return {**task("Map", "NO_OP", [source], **types), "destinationField": column}


def between(start: date, end: date) -> dict[str, Any]:
    bounds = {"LOWER_BOUND": milliseconds(start), "UPPER_BOUND": milliseconds(end)}
    return task("Filter", "BETWEEN", ["date"], DATA_TYPE="datetime", **bounds)


def milliseconds(day: date) -> str:
    return str(int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp()) * 1000)


def scheduled(expression: str = "rate(1days)", **members: Any) -> dict[str, Any]:
    properties = {"Scheduled": {"scheduleExpression": expression, "dataPullMode": "Complete", **members}}
    return {"triggerType": "Scheduled", "triggerProperties": properties}


def google_profile(name: str = GOOGLE, refresh_token: str = REFRESH_TOKEN) -> dict[str, Any]:
    oauth = {"clientId": "id", "clientSecret": "secret", "accessToken": "stale", "refreshToken": refresh_token}
    properties = {"tokenUrl": "https://oauth2.googleapis.com/token", "oAuth2GrantType": "AUTHORIZATION_CODE"}
    return {
        "connectorProfileName": name,
        "connectorType": "CustomConnector",
        "connectorLabel": "GoogleAnalytics4",
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"CustomConnector": {"oAuth2Properties": properties}},
            "connectorProfileCredentials": {"CustomConnector": {"authenticationType": "OAUTH2", "oauth2": oauth}},
        },
    }


def redshift_profile(name: str = REDSHIFT) -> dict[str, Any]:
    properties = {
        "bucketName": INTERMEDIATE_BUCKET,
        "roleArn": COPY_ROLE,
        "dataApiRoleArn": INGEST_ROLE,
        "isRedshiftServerless": True,
        "workgroupName": "myapp",
        "databaseName": "ga4",
    }
    return {
        "connectorProfileName": name,
        "connectorType": "Redshift",
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"Redshift": properties},
            "connectorProfileCredentials": {"Redshift": {}},
        },
    }


def changed(request: dict[str, Any], change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """Return a copy of a request with a change made to it."""
    copy = deepcopy(request)
    change(copy)
    return copy


def make_surroundings() -> None:
    """Make the buckets and the roles that a flow needs, with the policies of the product's template."""
    for bucket in (INTERMEDIATE_BUCKET, ERROR_BUCKET):
        aws_client("s3", ACCOUNT_2).create_bucket(Bucket=bucket)
        admit_appflow(bucket, ACCOUNT_2)
    make_role(INGEST_ROLE, "appflow.amazonaws.com")
    make_role(COPY_ROLE, "redshift-serverless.amazonaws.com")


def admit_appflow(bucket: str, source_account: str) -> None:
    arn = f"arn:aws:s3:::{bucket}"
    actions = ["PutObject", "AbortMultipartUpload", "ListMultipartUploadParts", "ListBucketMultipartUploads"]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "appflow.amazonaws.com"},
        "Action": [f"s3:{action}" for action in (*actions, "GetBucketAcl", "PutObjectAcl")],
        "Resource": [arn, f"{arn}/*"],
        "Condition": {"StringEquals": {"aws:SourceAccount": source_account}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws_client("s3", ACCOUNT_2).put_bucket_policy(Bucket=bucket, Policy=policy)


def make_table(warehouse: Warehouse, country_bytes: int = 64) -> None:
    """Make the landing table, anew if it is there."""
    columns = f"date VARCHAR(8), country VARCHAR({country_bytes}), sessions VARCHAR(20)"
    warehouse.run_as_admin(
        [
            f"DROP TABLE IF EXISTS {TABLE}",
            f"CREATE TABLE {TABLE} ({columns})",
            f"GRANT INSERT, SELECT ON TABLE {TABLE} TO {INGEST_USER}",
        ]
    )


def make_role(arn: str, service: str, *, policy: dict[str, Any] | None = None) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    name = arn.rpartition("/")[2]
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    aws_client("iam", ACCOUNT_2).create_role(RoleName=name, AssumeRolePolicyDocument=document)
    if policy:
        body = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
        aws_client("iam", ACCOUNT_2).put_role_policy(RoleName=name, PolicyName="does", PolicyDocument=body)


def unchecked_client(endpoint_url: str) -> Any:
    """Return an AppFlow client that checks nothing itself: what is wrong reaches the service."""
    return signed_client("appflow", REGION_2, ACCOUNT_2, endpoint_url=endpoint_url, parameter_validation=False)
