"""The environment of a function's process: what Lambda sets, what the template declares, where the endpoint is."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import urllib3

from deploy.local.lambdas.errors import RoleNotAssumed
from deploy.local.templates.definitions import FunctionDefinition

_SERVICE = "lambda.amazonaws.com"
_http = urllib3.PoolManager(retries=False, timeout=10.0)


@dataclass(frozen=True)
class RoleCredentials:
    """Temporary credentials of a function's role; `expires_at` is aware, in UTC."""

    access_key_id: str
    secret_access_key: str
    session_token: str
    expires_at: datetime


def assume_function_role(function: FunctionDefinition, endpoint_url: str) -> RoleCredentials:
    """Return credentials of the function's role, assumed as the Lambda service does.

    Raises RoleNotAssumed when the role is missing or does not trust Lambda.
    """
    wanted = {
        "service": _SERVICE,
        "role_arn": function.role_arn,
        "session_name": function.name,
        "source_arn": function.arn,
    }
    answer = _http.request("POST", f"{endpoint_url}/_local/assume-role", json=wanted)
    if answer.status != 200:
        raise RoleNotAssumed(f"{function.name} cannot run as {function.role_arn}: {answer.data.decode()}")
    got = json.loads(answer.data)
    expires_at = datetime.strptime(got["Expiration"], "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return RoleCredentials(got["AccessKeyId"], got["SecretAccessKey"], got["SessionToken"], expires_at)


def process_environment(
    function: FunctionDefinition, credentials: RoleCredentials, endpoint_url: str, extra: Mapping[str, str]
) -> dict[str, str]:
    """Return all variables of a function's process; nothing of the runner's own environment is among them.

    `extra` are variables of this machine, such as SSL_CERT_FILE. Raises ValueError when one of them would hide what
    the template declares: then the local stack would run another configuration than the deployed one.
    """
    hidden = sorted(function.environment.keys() & {*extra, "AWS_ENDPOINT_URL"})
    if hidden:
        raise ValueError(f"{function.name}: the local stack would override {', '.join(hidden)} of the template.")
    return {
        **_runtime_variables(function),
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
        **function.environment,
        "AWS_ENDPOINT_URL": endpoint_url,
        **extra,
    }


def _runtime_variables(function: FunctionDefinition) -> dict[str, str]:
    # https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
    stream = f"{datetime.now(UTC):%Y/%m/%d}/[$LATEST]{secrets.token_hex(16)}"
    folders = [str(function.code_dir), *(str(folder / "python") for folder in function.layer_dirs)]
    return {
        "_HANDLER": function.handler,
        "AWS_REGION": function.region,
        "AWS_DEFAULT_REGION": function.region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory_mb),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "LAMBDA_TASK_ROOT": str(function.code_dir),
        "LANG": "en_US.UTF-8",
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": ":".join(folders),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "TZ": ":UTC",
    }
