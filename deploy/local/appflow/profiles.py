"""Connector profiles: the stored access to Google and to the warehouse."""

from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import ConnectorError, conflict, not_found
from deploy.local.appflow.state import AppFlowRegion, ConnectorProfile
from deploy.local.aws.service import Caller, ServiceError
from deploy.local.scheduler.rest_json import page
from deploy.local.scheduler.service_model import Members, validation_error

GOOGLE_LABEL: Final = "GoogleAnalytics4"
API_VERSION: Final = "v1beta"
CUSTOM: Final = "CustomConnector"
REDSHIFT: Final = "Redshift"
_TOKEN_URL: Final = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address
_PAGE_SIZE: Final = 20


def check_new(environment: Environment, region: AppFlowRegion, name: str) -> None:
    """Raise ServiceError when there is a profile of that name, or no room for another."""
    if name in region.profiles:
        raise conflict(f"A connector profile with the name {name} exists.")
    most = environment.settings.max_connector_profiles
    if len(region.profiles) >= most:
        raise ServiceError("ServiceQuotaExceededException", f"The account has its {most} connector profiles.", 402)


def new_profile(members: Members, caller: Caller, now: datetime) -> ConnectorProfile:
    """Return the profile that CreateConnectorProfile describes."""
    name = members["connectorProfileName"]
    return ConnectorProfile(
        name=name,
        arn=f"arn:aws:appflow:{caller.region}:{caller.account_id}:connectorprofile/{name}",
        connector_type=members["connectorType"],
        connector_label=members.get("connectorLabel"),
        connection_mode=members["connectionMode"],
        **_configuration(members),
        created_at=now,
        updated_at=now,
    )


def changed_profile(region: AppFlowRegion, members: Members, now: datetime) -> ConnectorProfile:
    """Return what UpdateConnectorProfile makes of a profile. Raises ServiceError when there is none."""
    old = find_profile(region, members["connectorProfileName"])
    return replace(old, connection_mode=members["connectionMode"], **_configuration(members), updated_at=now)


def describe_profiles(region: AppFlowRegion, members: Members) -> Members:
    """Carry out DescribeConnectorProfiles; credentials are never shown."""
    names = members.get("connectorProfileNames") or sorted(region.profiles)
    wanted = [region.profiles[name] for name in names if name in region.profiles]
    if "connectorType" in members:
        wanted = [one for one in wanted if one.connector_type == members["connectorType"]]
    if "connectorLabel" in members:
        wanted = [one for one in wanted if one.connector_label == members["connectorLabel"]]
    shown, more = page(wanted, members.get("nextToken"), members.get("maxResults", _PAGE_SIZE))
    return {"connectorProfileDetails": [_shown(one) for one in shown], **more}


def delete_profile(region: AppFlowRegion, members: Members) -> Members:
    """Carry out DeleteConnectorProfile. Raises ServiceError ConflictException while flows use it, unless forced."""
    profile = find_profile(region, members["connectorProfileName"])
    users = sorted(
        flow.name
        for flow in region.flows.values()
        if profile.name in (flow.source["connectorProfileName"], flow.destination["connectorProfileName"])
    )
    if users and not members.get("forceDelete"):
        raise conflict(f"The connector profile {profile.name} is used by the flows {', '.join(users[:10])}.")
    del region.profiles[profile.name]
    return {}


def find_profile(region: AppFlowRegion, name: str | None, connector_type: str | None = None) -> ConnectorProfile:
    """Return a profile, of that connector if one is named. Raises ServiceError."""
    if not name:
        raise validation_error(f"connectorProfileName is required for the connector {connector_type}.")
    if name not in region.profiles:
        raise not_found("connector profile", name)
    profile = region.profiles[name]
    if connector_type and profile.connector_type != connector_type:
        raise validation_error(f"The connector profile {name} is of {profile.connector_type}, not {connector_type}.")
    return profile


def check_profile(environment: Environment, profile: ConnectorProfile) -> None:
    """Raise ServiceError unless the profile leads somewhere: that is what AWS calls an active connection."""
    if profile.connector_type == CUSTOM:
        _check_google(environment, profile)
    elif profile.connector_type == REDSHIFT:
        _check_redshift(environment, profile)
    else:
        raise validation_error(f"The local AppFlow knows the connectors {CUSTOM} and {REDSHIFT} only.")


def _configuration(members: Members) -> dict[str, Any]:
    config = members["connectorProfileConfig"]
    return {
        "properties": config["connectorProfileProperties"],
        "credentials": config.get("connectorProfileCredentials", {}),
    }


def _check_google(environment: Environment, profile: ConnectorProfile) -> None:
    if profile.connector_label != GOOGLE_LABEL:
        raise validation_error(f"The connector {profile.connector_label} is not registered: use {GOOGLE_LABEL}.")
    oauth_properties = profile.properties.get(CUSTOM, {}).get("oAuth2Properties", {})
    wanted = {"tokenUrl": _TOKEN_URL, "oAuth2GrantType": "AUTHORIZATION_CODE"}
    if {name: oauth_properties.get(name) for name in wanted} != wanted:
        raise validation_error(f"oAuth2Properties of {GOOGLE_LABEL} must hold {wanted}.")
    credentials = profile.credentials.get(CUSTOM, {})
    if credentials.get("authenticationType") != "OAUTH2" or not credentials.get("oauth2", {}).get("accessToken"):
        raise validation_error("The credentials must be OAUTH2 with oauth2.accessToken, beside a refresh token too.")
    try:
        with environment.google(profile) as google:
            google.properties()
    except ConnectorError as error:
        raise error.as_service_error() from error


def _check_redshift(environment: Environment, profile: ConnectorProfile) -> None:
    properties = profile.properties.get(REDSHIFT)
    if not properties:
        raise validation_error("connectorProfileProperties must hold Redshift.")
    target = "workgroupName" if properties.get("isRedshiftServerless") else "clusterIdentifier"
    for name in ("dataApiRoleArn", "databaseName", target):
        if not properties.get(name):
            raise validation_error(f"Redshift.{name} is required to reach the warehouse through the Data API.")
    if target == "clusterIdentifier" and not profile.credentials.get(REDSHIFT, {}).get("username"):
        raise validation_error("The credentials must hold Redshift.username: whom to log in as at the cluster.")
    if problem := environment.destination.role_problem(profile):
        message = f"The roles of the Redshift connector profile can't be used: {problem}"
        raise ServiceError("ConnectorAuthenticationException", message, 401)


def _shown(profile: ConnectorProfile) -> Members:
    return {
        "connectorProfileArn": profile.arn,
        "connectorProfileName": profile.name,
        "connectorType": profile.connector_type,
        **({"connectorLabel": profile.connector_label} if profile.connector_label else {}),
        "connectionMode": profile.connection_mode,
        "connectorProfileProperties": profile.properties,
        "createdAt": profile.created_at.timestamp(),
        "lastUpdatedAt": profile.updated_at.timestamp(),
    }
