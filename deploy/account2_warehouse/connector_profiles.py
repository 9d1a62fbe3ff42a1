"""`python -m deploy.account2_warehouse.connector_profiles <environment>`: lets AppFlow into Google and into Redshift.

CloudFormation could make both connector profiles, but only with Google's secrets in a template. AppFlow takes no
secret's ARN either, it keeps its own copy: so the values go from Secrets Manager to it, and nowhere else.
The fields are those of AppFlow's CreateConnectorProfile, for the connectors GoogleAnalytics4 and Redshift.
"""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError

from deploy.account2_warehouse.environment import Say, Warehouse, run
from deploy.stacks.errors import DeployError

GOOGLE_PROFILE: Final = "ga4"  # operators write it in the form
_TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - where Google gives tokens
_NEEDED: Final = ("client_id", "client_secret", "refresh_token")
# AppFlow wants one even beside a refresh token, with which it gets a real one.
_NO_ACCESS_TOKEN: Final = "unused"  # noqa: S105
_USER_NAME: Final = "username"  # of credentials the one that is no secret
_LONG_AGO: Final = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Profile:
    """A connector profile as it is to be; `since` is when its credentials last changed, which AppFlow never shows."""

    name: str
    connector: Mapping[str, str]
    properties: Mapping[str, Any]
    credentials: Mapping[str, Any] = field(repr=False)
    since: datetime = _LONG_AGO


def google_profile(oauth: Mapping[str, str], since: datetime = _LONG_AGO) -> Profile:
    """Return the profile of one Google account, from its OAuth client and refresh token (keys as Google names them)."""
    tokens = {"refreshToken": oauth["refresh_token"], "accessToken": _NO_ACCESS_TOKEN}
    client = {"clientId": oauth["client_id"], "clientSecret": oauth["client_secret"]}
    return Profile(
        GOOGLE_PROFILE,
        {"connectorType": "CustomConnector", "connectorLabel": "GoogleAnalytics4"},
        {"CustomConnector": {"oAuth2Properties": {"tokenUrl": _TOKEN_URL, "oAuth2GrantType": "AUTHORIZATION_CODE"}}},
        {"CustomConnector": {"authenticationType": "OAUTH2", "oauth2": {**client, **tokens}}},
        since,
    )


def redshift_profile(warehouse: Warehouse) -> Profile:
    """Return the profile of the warehouse; roles let AppFlow in, so no password is in it."""
    reached, credentials = _reached(warehouse)
    properties = {
        "bucketName": warehouse.output("IntermediateBucketName"),
        "roleArn": warehouse.output("AppFlowCopyRoleArn"),
        "dataApiRoleArn": warehouse.output("AppFlowIngestRoleArn"),
        **reached,
        "databaseName": warehouse.output("DatabaseName"),
    }
    name = warehouse.output("WarehouseConnectorProfile")
    return Profile(name, {"connectorType": "Redshift"}, {"Redshift": properties}, {"Redshift": credentials})


def connect(warehouse: Warehouse, say: Say) -> None:
    """Make both profiles, or change what differs; tell of each what was done.

    Raises DeployError for a secret that lacks something, and for a profile that AppFlow refuses.
    """
    profiles = (redshift_profile(warehouse), _google(warehouse))
    appflow = warehouse.client("appflow")
    for profile in profiles:
        say(f"{profile.name}: {apply_profile(appflow, profile)}")


def apply_profile(appflow: Any, profile: Profile) -> str:
    """Bring AppFlow's profile to what it is to be; return `made`, `changed` or `as it was`.

    Raises DeployError, without any secret in its text, if AppFlow refuses the profile.
    """
    found = _found(appflow, profile.name)
    if found and _holds(found["connectorProfileProperties"], profile.properties) and _is_newer(found, profile):
        return "as it was"
    members = {
        "connectorProfileName": profile.name,
        "connectionMode": "Public",
        "connectorProfileConfig": {
            "connectorProfileProperties": profile.properties,
            "connectorProfileCredentials": profile.credentials,
        },
    }
    try:
        if found:
            appflow.update_connector_profile(**members)
        else:
            appflow.create_connector_profile(**members, **profile.connector)
    except ClientError as error:
        text = _without_secrets(str(error), profile.credentials)
        raise DeployError(f"AppFlow refuses the connector profile {profile.name}: {text}") from None
    return "changed" if found else "made"


def _reached(warehouse: Warehouse) -> tuple[dict[str, Any], dict[str, str]]:
    """Return the properties that lead to the workgroup or the cluster, and who AppFlow is there.

    In a workgroup it is its role's database user; in a cluster it is one by name, for whom its role may have a
    password: https://docs.aws.amazon.com/appflow/latest/userguide/redshift.html
    """
    if cluster := warehouse.outputs.get("ClusterIdentifier"):
        reached = {"isRedshiftServerless": False, "clusterIdentifier": cluster}
        return reached, {_USER_NAME: warehouse.output("IngestUser")}
    return {"isRedshiftServerless": True, "workgroupName": warehouse.output("WorkgroupName")}, {}


def _google(warehouse: Warehouse) -> Profile:
    name = warehouse.output("GoogleSecretName")
    client = warehouse.client("secretsmanager")
    try:
        answer = client.get_secret_value(SecretId=name)
    except client.exceptions.ResourceNotFoundException:
        raise DeployError(f"The secret {name} has no value yet. {_put(name)}") from None
    return google_profile(_oauth(name, answer.get("SecretString", "")), answer["CreatedDate"])


def _oauth(name: str, text: str) -> dict[str, str]:
    """Return what the secret holds. Raises DeployError, which never quotes it."""
    try:
        oauth = json.loads(text)
    except ValueError:
        oauth = None
    if not isinstance(oauth, dict):
        raise DeployError(f"The secret {name} is no JSON object. {_put(name)}")
    missing = [key for key in _NEEDED if not isinstance(oauth.get(key), str) or not oauth[key].strip()]
    if missing:
        raise DeployError(f"The secret {name} lacks {', '.join(missing)}. {_put(name)}")
    return {key: oauth[key].strip() for key in _NEEDED}


def _put(name: str) -> str:
    return (
        f"Put {', '.join(_NEEDED)} of Google's OAuth client into it, as JSON:"
        f" aws secretsmanager put-secret-value --secret-id {name} --secret-string file://google.json"
    )


def _found(appflow: Any, name: str) -> dict[str, Any] | None:
    details = appflow.describe_connector_profiles(connectorProfileNames=[name])["connectorProfileDetails"]
    return next((dict(one) for one in details if one["connectorProfileName"] == name), None)


def _holds(found: Any, wanted: Any) -> bool:
    """Tell whether what is wanted is there; AppFlow may show more."""
    if isinstance(wanted, Mapping):
        return isinstance(found, Mapping) and all(_holds(found.get(key), value) for key, value in wanted.items())
    return bool(found == wanted)


def _is_newer(found: Mapping[str, Any], profile: Profile) -> bool:
    return bool(found["lastUpdatedAt"] >= profile.since)


def _without_secrets(text: str, credentials: Any) -> str:
    for value in sorted(_texts(credentials), key=len, reverse=True):
        text = text.replace(value, "…")
    return text


def _texts(credentials: Any) -> set[str]:
    if isinstance(credentials, Mapping):
        return {text for key, value in credentials.items() if key != _USER_NAME for text in _texts(value)}
    return {str(credentials)} - {"OAUTH2", _NO_ACCESS_TOKEN}


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:], "deploy.account2_warehouse.connector_profiles", connect))
