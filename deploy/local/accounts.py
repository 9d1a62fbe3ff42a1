"""The two emulated accounts, and what stands in for what a person sets up once in each."""

import string
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from deploy.local.redshift.provision import Warehouse
from deploy.local.state import REPOSITORY
from deploy.local.templates.account import Account

APP: Final = Account("111111111111", "ap-southeast-1")
WAREHOUSE: Final = Account("222222222222", "us-east-1")

APP_TEMPLATE: Final = REPOSITORY / "deploy" / "account1_app" / "template.yaml"
WAREHOUSE_TEMPLATE: Final = REPOSITORY / "deploy" / "account2_warehouse" / "template.yaml"
BOOTSTRAP: Final = REPOSITORY / "deploy" / "account2_warehouse" / "bootstrap.sql"

GA4_PROFILE: Final = "ga4"
WAREHOUSE_PROFILE: Final = "myapp-warehouse"
REFRESH_TOKEN: Final = "local-refresh-token"  # noqa: S105 - known to the emulated Google alone

UNLOAD_BUCKET: Final = "myapp-unloads"
INTERMEDIATE_BUCKET: Final = "myapp-appflow-intermediate"
ERROR_BUCKET: Final = "myapp-appflow-errors"

# Of nobody: with them the templates make a channel, which chatbot/ shows.
SLACK: Final = {"SlackWorkspaceId": "T0LOCAL", "SlackChannelId": "C0LOCAL"}


def bootstrap_warehouse(warehouse: Warehouse, outputs: Mapping[str, str]) -> None:
    """Run `bootstrap.sql` as the warehouse's administrator, unless that was done before."""
    users = {"ddl_user": "DdlUser", "ingest_user": "IngestUser", "refresh_user": "RefreshUser"}
    names = {name: outputs[output] for name, output in {**users, "unload_user": "UnloadUser"}.items()}
    with warehouse.postgres.connect(warehouse.database) as connection:
        if connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [names["ddl_user"]]).fetchone():
            return
    quoted = {name: f'"{user}"' for name, user in names.items()}
    text = string.Template(_without_comments(BOOTSTRAP)).substitute(quoted, database=warehouse.database)
    warehouse.run_as_admin([statement for statement in text.split(";") if statement.strip()])


def _without_comments(path: Path) -> str:
    return "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--"))


def create_connector_profiles(endpoint_url: str, outputs: Mapping[str, str]) -> None:
    """Connect AppFlow with Google and with the warehouse, as an administrator does once."""
    appflow = WAREHOUSE.client("appflow", endpoint_url)
    existing = {profile["connectorProfileName"] for profile in _profiles(appflow)}
    for name, kind, config in (
        (GA4_PROFILE, {"connectorType": "CustomConnector", "connectorLabel": "GoogleAnalytics4"}, _google_profile()),
        (WAREHOUSE_PROFILE, {"connectorType": "Redshift"}, _warehouse_profile(outputs)),
    ):
        if name not in existing:
            appflow.create_connector_profile(
                connectorProfileName=name, connectionMode="Public", connectorProfileConfig=config, **kind
            )


def _profiles(appflow: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = appflow.describe_connector_profiles()["connectorProfileDetails"]
    return found


def _google_profile() -> dict[str, Any]:
    token_url = "https://oauth2.googleapis.com/token"  # noqa: S105 - where Google gives tokens
    tokens = {"accessToken": "unused", "refreshToken": REFRESH_TOKEN}
    return {
        "connectorProfileProperties": {
            "CustomConnector": {
                "oAuth2Properties": {"tokenUrl": token_url, "oAuth2GrantType": "AUTHORIZATION_CODE"},
            }
        },
        "connectorProfileCredentials": {
            "CustomConnector": {
                "authenticationType": "OAUTH2",
                "oauth2": {"clientId": "local-client", "clientSecret": "local-secret", **tokens},
            }
        },
    }


def _warehouse_profile(outputs: Mapping[str, str]) -> dict[str, Any]:
    return {
        "connectorProfileProperties": {
            "Redshift": {
                "bucketName": outputs["IntermediateBucketName"],
                "roleArn": outputs["AppFlowCopyRoleArn"],
                "dataApiRoleArn": outputs["AppFlowIngestRoleArn"],
                "isRedshiftServerless": True,
                "workgroupName": "myapp",
                "databaseName": "ga4",
            }
        },
        "connectorProfileCredentials": {"Redshift": {}},
    }
