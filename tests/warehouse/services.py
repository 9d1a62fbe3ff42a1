"""The local services that Account 2 is made of, and its stack deployed on them."""

import atexit
import functools
import json
import os
import tempfile
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import requests

from dataflows.contracts.reports import REPORTS
from deploy.account2_warehouse.bootstrap import bootstrap_statements
from deploy.account2_warehouse.connector_profiles import apply_profile, redshift_profile
from deploy.account2_warehouse.environment import Warehouse as DeployedWarehouse
from deploy.local.accounts import GA4_PROFILE, IN_WORKGROUP, SLACK, UNLOAD_BUCKET
from deploy.local.appflow.service import AppFlow
from deploy.local.aws.calls import record_to
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.eventbridge import publish_service_event
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.clock import EmulatedClock
from deploy.local.ga4.app import create_ga4_app
from deploy.local.ga4.oauth import Grant, TokenIssuer
from deploy.local.ga4.state import Ga4State
from deploy.local.redshift.provision import PostgresServer
from deploy.local.redshift.stand_in import RedshiftStandIn
from deploy.local.redshift.workgroup import Workgroup
from deploy.local.servers.certificates import Certificates, ensure_certificates
from deploy.local.templates.account import Account
from deploy.local.templates.deploy import deploy_template
from deploy.local.templates.deployment import Deployment
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_2, aws_client

STACK = Path(__file__).resolve().parents[2] / "deploy/account2_warehouse"
# Where `make check-policies` has calls recorded: then roles are called what they are called in the templates.
CALLS = os.environ.get("AWS_CALLS")
# Database users belong to the server: each process of the tests has its own.
PREFIX = "myapp" if CALLS else f"t{uuid.uuid4().hex[:8]}"
ANSWERS_QUEUE = "answers-seen.fifo"
DATABASE = f"ga4_{PREFIX}"
REFRESH_TOKEN = "1//refresh"
DATA_FROM, DATA_DAYS = date(2026, 2, 1), 37  # to the ninth of March


@dataclass(frozen=True)
class Google:
    """Google's APIs, and the folder of the properties they know."""

    url: str
    folder: Path

    def add_properties(self, property_ids: Iterable[str]) -> None:
        """Let these properties be known too, with the reports of property 1001."""
        unknown = (folder for property_id in property_ids if not (folder := self.folder / property_id).exists())
        for folder in unknown:
            folder.mkdir()
            write_settings(folder)
            for report in (self.folder / "1001").glob("*.parquet"):
                (folder / report.name).symlink_to(report)
        self.load()

    def load(self) -> None:
        """Let Google read its folder."""
        requests.post(f"{self.url}/_local/load", json={"folder": str(self.folder)}, timeout=120).raise_for_status()


@dataclass(frozen=True)
class Services:
    """The local services that Account 2 is made of."""

    url: str
    clock: EmulatedClock
    stand_in: RedshiftStandIn
    appflow: AppFlow
    certificates: Certificates
    google: Google


@functools.cache
def local_services() -> Services:
    """Start the endpoint and all services on it, once for this process."""
    folder = tempfile.TemporaryDirectory(prefix="account2-tests-")
    atexit.register(folder.cleanup)
    certificates = ensure_certificates(Path(folder.name) / "tls")
    clock = EmulatedClock(Path(folder.name) / "clock.json")
    stand_in = _stand_in(certificates)
    google = _google(Path(folder.name) / "ga4", clock)
    appflow = AppFlow(
        clock,
        aws_client("sts").meta.endpoint_url,
        google.url,
        stand_in.connect_as_user,
        publish_service_event,
        assume_role_as_service,
    )
    atexit.register(appflow.close)
    server = EndpointServer(create_endpoint([*stand_in.services, appflow], clock))
    server.start()
    atexit.register(server.stop)
    record_to(Path(CALLS) if CALLS else None)
    return Services(server.url, clock, stand_in, appflow, certificates, google)


def _stand_in(certificates: Certificates) -> RedshiftStandIn:
    stand_in = RedshiftStandIn(
        _postgres(),
        Workgroup("myapp", "myapp", ACCOUNT_2, REGION_2),
        DATABASE,
        certificates.server_certificate_path,
        certificates.server_key_path,
        aws_client("sts").meta.endpoint_url,
        lambda *_event: None,
        assume_role_as_service,
    )
    atexit.register(stand_in.close)
    _front_port(stand_in)
    _bootstrap(stand_in)
    return stand_in


def _google(folder: Path, clock: EmulatedClock) -> Google:
    """Start Google's APIs with property 1001, which has one row a day of every declared report."""
    (folder / "1001").mkdir(parents=True)
    write_settings(folder / "1001")
    days = [f"{DATA_FROM + timedelta(offset):%Y%m%d}" for offset in range(DATA_DAYS)]
    for report in REPORTS.values():
        dimensions = {field.api_name: ["value"] * DATA_DAYS for field in report.dimensions}
        metrics = {field.api_name: [1] * DATA_DAYS for field in report.metrics}
        pq.write_table(pa.table({"date": days, **dimensions, **metrics}), folder / f"1001/by_{report.slug}.parquet")
    server = EndpointServer(create_ga4_app(Ga4State(TokenIssuer({REFRESH_TOKEN: Grant(None)})), clock))
    server.start()
    atexit.register(server.stop)
    google = Google(server.url, folder)
    google.load()
    return google


def write_settings(folder: Path) -> None:
    """Write what Google says of the property that the folder is named after."""
    settings = {
        "property_id": folder.name,
        "display_name": "Shop 1002",
        "time_zone": "Europe/Berlin",
        "currency_code": "EUR",
    }
    (folder / "property.json").write_text(json.dumps(settings))


@functools.cache
def _front_port(stand_in: RedshiftStandIn) -> int:
    return stand_in.start_front()


def _postgres() -> PostgresServer:
    host, port, user, password = (os.environ[f"LOCAL_POSTGRES_{name}"] for name in ("HOST", "PORT", "USER", "PASSWORD"))
    return PostgresServer(host, int(port), user, password)


def _bootstrap(stand_in: RedshiftStandIn) -> None:
    roles = {
        "DdlUser": "ddl",
        "IngestUser": "appflow-ingest",
        "RefreshUser": "refresh",
        "UnloadUser": "unload-caller",
        "RegisterUser": "register",
        "WatchUser": "watch",
        "AdvanceUser": "advance",
        "RetryUser": "retry",
        "StatusUser": "show-status",
    }
    users = {output: f"IAMR:{PREFIX}-{role}" for output, role in roles.items()}
    ours, theirs = (f"arn:aws:iam::{account}:role/{PREFIX}" for account in (ACCOUNT_2, ACCOUNT_1))
    named = {"AppFlowCopyRoleArn": f"{ours}-appflow-copy", "UnloadRoleChain": f"{ours}-redshift-unload,{theirs}-unload"}
    stand_in.warehouse.run_as_admin(bootstrap_statements({**users, **named}, DATABASE))


def deploy(services: Services, place: Mapping[str, str] = IN_WORKGROUP) -> Deployment:
    """Deploy the stack, make AppFlow's connector profiles and listen to the answers.

    `place` is the parameters that say whether the warehouse is in the workgroup or in the cluster.
    """
    account = Account(ACCOUNT_2, REGION_2)
    deployment = deploy_template(STACK / "template.yaml", account, stack_parameters(services, place), services.url)
    _listen(deployment, services.url)
    appflow = account.client("appflow", services.url)
    if not appflow.describe_connector_profiles()["connectorProfileDetails"]:
        appflow.create_connector_profile(**_google_profile())
    apply_profile(appflow, redshift_profile(deployed_warehouse(services, deployment, place)))
    return deployment


def stack_parameters(services: Services, place: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that the stack is deployed with."""
    return {
        "NamePrefix": PREFIX,
        "AppAccountId": ACCOUNT_1,
        "UnloadBucketName": UNLOAD_BUCKET,
        "IntermediateBucketName": "intermediate",
        "ErrorBucketName": "errors",
        **place,
        "DatabaseName": DATABASE,
        "WarehouseHost": "localhost",
        "WarehousePort": str(_front_port(services.stand_in)),
        **SLACK,
    }


def deployed_warehouse(services: Services, deployment: Deployment, place: Mapping[str, str]) -> DeployedWarehouse:
    """Return the stack as the programs see it that set it up, with what the stacks beside it would give."""
    account = Account(ACCOUNT_2, REGION_2)
    outputs = {**deployment.outputs, **place, "DatabaseName": DATABASE}
    return DeployedWarehouse(lambda service: account.client(service, services.url), outputs)


def _google_profile() -> dict[str, Any]:
    oauth = {"clientId": "id", "clientSecret": "secret", "accessToken": "stale", "refreshToken": REFRESH_TOKEN}
    properties = {"tokenUrl": "https://oauth2.googleapis.com/token", "oAuth2GrantType": "AUTHORIZATION_CODE"}
    return {
        "connectorProfileName": GA4_PROFILE,
        "connectorType": "CustomConnector",
        "connectorLabel": "GoogleAnalytics4",
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": {"CustomConnector": {"oAuth2Properties": properties}},
            "connectorProfileCredentials": {"CustomConnector": {"authenticationType": "OAUTH2", "oauth2": oauth}},
        },
    }


def _listen(deployment: Deployment, url: str) -> None:
    """Add a queue that gets every answer put on the warehouse's bus."""
    account = Account(ACCOUNT_2, REGION_2)
    sqs, events = account.client("sqs", url), account.client("events", url)
    arn = f"arn:aws:sqs:{REGION_2}:{ACCOUNT_2}:{ANSWERS_QUEUE}"
    allowed = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": arn,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true", "Policy": policy}
    sqs.create_queue(QueueName=ANSWERS_QUEUE, Attributes=attributes)
    bus = deployment.outputs["WarehouseBusName"]
    events.put_rule(Name="seen", EventBusName=bus, EventPattern=json.dumps({"source": ["myapp.warehouse"]}))
    target = {"Id": "seen", "Arn": arn, "SqsParameters": {"MessageGroupId": "all"}}
    events.put_targets(Rule="seen", EventBusName=bus, Targets=[target])
