"""Secrets, SSM parameters and log groups."""

import contextlib
import json
from typing import Any

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created


def create_secret(secret: Declaration) -> Created:
    """Make a secret: with the value the local stack gives, the template's, or one generated once."""
    client = secret.stack.client("secretsmanager")
    name = secret.name("Name")
    value = secret.stack.secret_values.get(secret.logical_id, secret.properties.get("SecretString"))
    try:
        arn = client.describe_secret(SecretId=name)["ARN"]
    except client.exceptions.ResourceNotFoundException:
        value = value if value is not None else _generated(client, secret)
        return Created(client.create_secret(Name=name, SecretString=value, **secret.pick("Description"))["ARN"])
    if value is not None:
        client.put_secret_value(SecretId=arn, SecretString=value)
    return Created(arn)


def _generated(client: Any, secret: Declaration) -> str:
    wanted = dict(secret.properties.get("GenerateSecretString") or {})
    template, key = wanted.pop("SecretStringTemplate", None), wanted.pop("GenerateStringKey", None)
    password: str = client.get_random_password(**wanted)["RandomPassword"]
    return json.dumps({**json.loads(template), key: password}) if template and key else password


def create_ssm_parameter(parameter: Declaration) -> Created:
    """Make an SSM parameter, or replace its value."""
    name = parameter.name("Name")
    wanted = parameter.pick("Type", "Value", "Description")
    parameter.stack.client("ssm").put_parameter(Name=name, Overwrite=True, **wanted)
    return Created(name, {"Type": wanted["Type"], "Value": wanted["Value"]})


def create_log_group(group: Declaration) -> Created:
    """Make a log group."""
    client = group.stack.client("logs")
    name = group.name("LogGroupName")
    # Only its retention could differ, and that is set below.
    with contextlib.suppress(client.exceptions.ResourceAlreadyExistsException):
        client.create_log_group(logGroupName=name)
    if "RetentionInDays" in group.properties:
        days = int(group.properties["RetentionInDays"])
        client.put_retention_policy(logGroupName=name, retentionInDays=days)
    return Created(name, {"Arn": group.stack.arn("logs", f"log-group:{name}:*")})
