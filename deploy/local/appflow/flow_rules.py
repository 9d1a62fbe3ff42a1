"""Whether a flow could work: its source, its destination, its buckets and its tasks, looked at for real."""

from typing import Any

from deploy.local.appflow.entities import EntityField, describe_fields, find_entity
from deploy.local.appflow.environment import Environment
from deploy.local.appflow.errors import ConnectorError, RunFailedError, not_found
from deploy.local.appflow.flow_schedule import check_trigger
from deploy.local.appflow.profiles import API_VERSION, CUSTOM, REDSHIFT, check_profile, find_profile
from deploy.local.appflow.state import AppFlowRegion, flow_arn
from deploy.local.appflow.task_rules import check_tasks
from deploy.local.appflow.warehouse import TableColumn
from deploy.local.aws.service import Caller
from deploy.local.scheduler.service_model import Members, validation_error


def check_flow(environment: Environment, region: AppFlowRegion, members: Members, caller: Caller) -> None:
    """Raise ServiceError for a definition that AWS would refuse; nothing is changed."""
    if "metadataCatalogConfig" in members:
        raise validation_error("The local AppFlow does not emulate metadataCatalogConfig.")
    check_trigger(members["triggerConfig"])
    fields = _source_fields(environment, region, members["sourceFlowConfig"])
    columns = _destination_columns(environment, region, members, caller)
    check_tasks(members, fields, columns)


def _source_fields(environment: Environment, region: AppFlowRegion, source: dict[str, Any]) -> dict[str, EntityField]:
    if source["connectorType"] != CUSTOM:
        raise validation_error(f"The local AppFlow reads from {CUSTOM} only, not from {source['connectorType']}.")
    if source.get("apiVersion") != API_VERSION:
        raise validation_error(f"sourceFlowConfig.apiVersion of the connector is {API_VERSION}.")
    if "incrementalPullConfig" in source:
        raise validation_error("The local AppFlow emulates no incremental transfer.")
    properties = source["sourceConnectorProperties"]
    if list(properties) != [CUSTOM]:
        raise validation_error(f"sourceConnectorProperties must hold {CUSTOM} and nothing else.")
    profile = find_profile(region, source.get("connectorProfileName"), CUSTOM)
    try:
        with environment.google(profile) as google:
            return describe_fields(google, find_entity(google, properties[CUSTOM]["entityName"]))
    except ConnectorError as error:
        raise error.as_service_error() from error


def _destination_columns(
    environment: Environment, region: AppFlowRegion, members: Members, caller: Caller
) -> dict[str, TableColumn]:
    destinations = members["destinationFlowConfigList"]
    if len(destinations) != 1:
        raise validation_error(f"A flow has exactly one destination, not {len(destinations)}.")
    destination = destinations[0]
    redshift = destination["destinationConnectorProperties"].get(REDSHIFT)
    if destination["connectorType"] != REDSHIFT or redshift is None:
        raise validation_error(f"The local AppFlow writes to {REDSHIFT} only.")
    profile = find_profile(region, destination.get("connectorProfileName"), REDSHIFT)
    check_profile(environment, profile)
    _check_buckets(environment, caller, redshift, flow_arn(caller.account_id, caller.region, members["flowName"]))
    if redshift["object"].count(".") != 1:
        raise validation_error(f"The destination object {redshift['object']} is not schema.table.")
    try:
        columns = environment.destination.columns(profile, redshift["object"])
    except RunFailedError as error:
        raise validation_error(str(error)) from error
    if not columns:
        raise not_found("destination object", redshift["object"])
    return columns


def _check_buckets(environment: Environment, caller: Caller, redshift: dict[str, Any], arn: str) -> None:
    names = [redshift["intermediateBucketName"]]
    names += [redshift["errorHandlingConfig"]["bucketName"]] if _has_error_bucket(redshift) else []
    buckets = environment.buckets(caller.account_id, caller.region)
    for name in names:
        if problem := buckets.problem(name, arn):
            raise validation_error(f"Amazon AppFlow can't use the bucket: {problem}.")


def _has_error_bucket(redshift: dict[str, Any]) -> bool:
    return "bucketName" in redshift.get("errorHandlingConfig", {})
