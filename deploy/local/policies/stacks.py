"""The stacks whose roles are compared: as the local stack deploys them, and with all that only AWS has."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

from deploy.local.accounts import (
    APP,
    APP_TEMPLATE,
    ERROR_BUCKET,
    IN_WORKGROUP,
    INTERMEDIATE_BUCKET,
    SLACK,
    UNLOAD_BUCKET,
    WAREHOUSE,
    WAREHOUSE_TEMPLATE,
)
from deploy.local.templates.account import Account
from deploy.local.templates.resolved import Stack, resolved
from deploy.local.templates.sam import Template, load_template

# The parameters without which the templates cannot be resolved.
APP_PARAMETERS: Final = {
    "WarehouseAccountId": WAREHOUSE.account_id,
    "WarehouseRegion": WAREHOUSE.region,
    "UnloadBucketName": UNLOAD_BUCKET,
    "DatabaseHost": "proxy.example",
}
WAREHOUSE_PARAMETERS: Final = {
    "AppAccountId": APP.account_id,
    "AppRegion": APP.region,
    "UnloadBucketName": UNLOAD_BUCKET,
    **IN_WORKGROUP,
    "WarehouseHost": "warehouse.example",
    "IntermediateBucketName": INTERMEDIATE_BUCKET,
    "ErrorBucketName": ERROR_BUCKET,
    **SLACK,
}
_IN_AWS: Final = {"TracingMode": "Active", "SubnetIds": "subnet-1,subnet-2", "SecurityGroupIds": "sg-1"}
_PIPELINE: Final = APP_TEMPLATE.parents[1] / "pipeline"
# Templates that are not deployed here, and what their roles' policies are made of.
_OTHERS: Final = (
    (APP_TEMPLATE.with_name("network.yaml"), APP),
    (APP_TEMPLATE.with_name("database.yaml"), APP),
    (APP_TEMPLATE.with_name("host.yaml"), APP),
    (APP_TEMPLATE.with_name("database_users.yaml"), APP),
    (WAREHOUSE_TEMPLATE.with_name("network.yaml"), WAREHOUSE),
    (_PIPELINE / "codepipeline.yaml", APP),
    (_PIPELINE / "deploy_roles.yaml", APP),
    (_PIPELINE / "deploy_roles.yaml", WAREHOUSE),
)
_READ: Final = (
    "AWS::IAM::Role",
    "AWS::IAM::Policy",
    "AWS::Logs::LogGroup",
    "AWS::SecretsManager::Secret",
    "AWS::CodeBuild::Project",
)


def local_stacks() -> list[Stack]:
    """Return both accounts' stacks as they run on this machine: no network, no traces, a password for MySQL."""
    return [
        resolved(load_template(APP_TEMPLATE, {**APP_PARAMETERS, "DatabaseAuth": "secret"}, APP.region), APP),
        resolved(load_template(WAREHOUSE_TEMPLATE, WAREHOUSE_PARAMETERS, WAREHOUSE.region), WAREHOUSE),
    ]


def deployed_stacks() -> list[Stack]:
    """Return the stacks with networks, traces and IAM logins, and those of the templates beside them."""
    return [
        resolved(load_template(APP_TEMPLATE, {**APP_PARAMETERS, **_IN_AWS, "DatabaseAuth": "iam"}, APP.region), APP),
        resolved(load_template(WAREHOUSE_TEMPLATE, {**WAREHOUSE_PARAMETERS, **_IN_AWS}, WAREHOUSE.region), WAREHOUSE),
        *(resolved(plain_template(path, account), account, _READ) for path, account in _OTHERS),
    ]


def plain_template(path: Path, account: Account) -> Template:
    """Return a template without SAM; parameters that have no default are named after themselves."""
    document = yaml_parse(path.read_text())
    declared: Mapping[str, Mapping[str, Any]] = document.get("Parameters", {})
    return Template(
        path=path,
        parameters={name: _value(name, one, account) for name, one in declared.items()},
        mappings=document.get("Mappings", {}),
        conditions=document.get("Conditions", {}),
        resources=document["Resources"],
        outputs={},
        sources={},
    )


def _value(name: str, declaration: Mapping[str, Any], account: Account) -> Any:
    made = f"arn:aws:secretsmanager:{account.region}:{account.account_id}:secret:{name}-AbCdEf"
    text = str(declaration.get("Default", made if name.endswith("SecretArn") else name))
    is_list = declaration["Type"] == "CommaDelimitedList" or declaration["Type"].startswith("List<")
    return text.split(",") if is_list else text
