"""Deploys a SAM template to an account at the local endpoint."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from deploy.local.templates.account import Account
from deploy.local.templates.dependencies import existing_resources
from deploy.local.templates.deployment import Declaration, Deployment, Stack
from deploy.local.templates.errors import TemplateError
from deploy.local.templates.intrinsics import Created, Resolver
from deploy.local.templates.layers import LayerBuildError
from deploy.local.templates.resource_types import NOT_EMULATED, RESOURCE_TYPES
from deploy.local.templates.sam import Template, load_template


def deploy_template(
    path: Path,
    account: Account,
    parameters: Mapping[str, Any],
    endpoint_url: str,
    secret_values: Mapping[str, str] | None = None,
    *,
    stack_name: str = "myapp",
    build_root: Path | None = None,
) -> Deployment:
    """Make every resource of a template; a second time, bring what exists up to date.

    `secret_values` are the values of secrets by logical id, in place of the template's; layers are built under
    `build_root`. Resources that a template no longer declares are left: the endpoint forgets all when it ends.

    Raises TemplateError for what is wrong, or cannot run here; it names the place in the template.
    """
    template = load_template(path, parameters, account.region)
    resolver = Resolver(path, _values(template, account, stack_name), template.mappings, template.conditions)
    stack = Stack(
        name=stack_name,
        template=path,
        account=account,
        endpoint_url=endpoint_url,
        build_root=build_root or Path(tempfile.mkdtemp(prefix="layers-")),
        sources=template.sources,
        secret_values=secret_values or {},
    )
    _check_secret_values(template, stack)
    not_emulated = _create_all(template, resolver, stack)
    return Deployment(
        outputs=_outputs(template, resolver),
        functions=tuple(stack.functions),
        event_sources=tuple(stack.event_sources),
        async_invocations=tuple(stack.async_invocations),
        chat_channels=tuple(stack.chat_channels),
        physical_ids={name: created.ref for name, created in resolver.created.items()},
        not_emulated=not_emulated,
    )


def _values(template: Template, account: Account, stack_name: str) -> dict[str, Any]:
    stack_id = f"arn:aws:cloudformation:{account.region}:{account.account_id}:stack/{stack_name}/local"
    return {
        **template.parameters,
        "AWS::AccountId": account.account_id,
        "AWS::Region": account.region,
        "AWS::Partition": "aws",
        "AWS::StackName": stack_name,
        "AWS::StackId": stack_id,
        "AWS::URLSuffix": "amazonaws.com",
    }


def _check_secret_values(template: Template, stack: Stack) -> None:
    for name in stack.secret_values:
        if template.resources.get(name, {}).get("Type") != "AWS::SecretsManager::Secret":
            raise TemplateError(template.path, (name,), "a value was given, but it is no secret of this template.")


def _create_all(template: Template, resolver: Resolver, stack: Stack) -> dict[str, str]:
    """Make the resources in order; return those that have no effect here, with the reason."""
    not_emulated = {}
    for name, resource in existing_resources(template, resolver).items():
        kind = resource["Type"]
        if kind in NOT_EMULATED:
            not_emulated[name] = NOT_EMULATED[kind]
            resolver.created[name] = Created(Declaration(name, {}, stack).made_name())
            continue
        properties = resolver.resolve(resource.get("Properties", {}), (name,))
        resolver.created[name] = _create(kind, Declaration(name, properties, stack))
    return not_emulated


def _create(kind: str, declaration: Declaration) -> Created:
    if kind not in RESOURCE_TYPES:
        raise declaration.error(f"{kind} is neither emulated nor listed in NOT_EMULATED.", "Type")
    resource_type = RESOURCE_TYPES[kind]
    unknown = declaration.properties.keys() - resource_type.used - resource_type.without_effect
    if unknown:
        raise declaration.error(f"{kind} is not emulated with {', '.join(sorted(unknown))}.", *sorted(unknown)[:1])
    try:
        return resource_type.create(declaration)
    except KeyError as error:
        raise declaration.error(f"{kind} needs {error}.") from error
    except (ClientError, ParamValidationError, LayerBuildError) as error:
        raise declaration.error(f"{kind} could not be made: {error}") from error


def _outputs(template: Template, resolver: Resolver) -> dict[str, str]:
    outputs = {}
    for name, output in template.outputs.items():
        place = ("Outputs", name)
        if "Condition" not in output or resolver.holds(output["Condition"], place):
            outputs[name] = str(resolver.resolve(output["Value"], place))
    return outputs
