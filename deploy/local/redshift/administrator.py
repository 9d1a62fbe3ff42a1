"""The warehouse's administrator: the user whose password AWS keeps in a secret, which the Data API can be given."""

import json
from collections.abc import Iterator
from typing import Any

from moto.secretsmanager.models import secretsmanager_backends

from deploy.local.aws.service import Caller
from deploy.local.redshift.json_protocol import validation_error
from deploy.local.redshift.workgroup import Cluster, Workgroup


def administrator_secret_arn(owner: Workgroup | Cluster) -> str | None:
    """Return the ARN of the secret that holds the administrator's password, if AWS keeps one."""
    secrets = _secrets(owner.account_id, owner.region)
    return next((secret.arn for secret in secrets if secret.name == owner.administrator_secret), None)


def secret_user(arn: str, caller: Caller) -> str:
    """Return the database user of a secret of the caller's account. Raises ServiceError if there is no such secret."""
    for secret in _secrets(caller.account_id, caller.region):
        if secret.arn == arn:
            return str(json.loads(secret.versions[secret.default_version_id]["secret_string"])["username"])
    raise validation_error(f"The secret {arn} can't be read.")


def _secrets(account_id: str, region: str) -> Iterator[Any]:
    yield from secretsmanager_backends[account_id][region].secrets.values()
