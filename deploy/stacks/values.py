"""Where each parameter's value comes from, and the order of the stacks that follows from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any

from deploy.stacks.declared import Stack
from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError
from deploy.stacks.releases import Release, built_release


@dataclass(frozen=True)
class Source:
    """Where a value comes from: `text` itself, or the `output` of the stack named; `kind` is said to people."""

    kind: str
    text: str = ""
    stack: str = ""
    output: str = ""


def computed_values(environment: Environment, release: Release | None = None) -> dict[str, str]:
    """Return the values that follow from accounts, prefix and domain, so that neither account waits for the other.

    With `release`, those that name it to the hosts, too.
    """
    app, warehouse, prefix = environment.accounts["app"], environment.accounts["warehouse"], environment.name_prefix
    domain = environment.given(_HOSTS).get("DomainName")
    return {
        **({"AppUrl": f"https://{domain}"} if domain else {}),
        **({"ReleaseVersion": release.version, "ReleaseSha256": release.sha256} if release else {}),
        "AppAccountId": app.account_id,
        "AppRegion": app.region,
        "WarehouseAccountId": warehouse.account_id,
        "WarehouseRegion": warehouse.region,
        # Names must be free in all of S3; an account's id makes them so.
        "UnloadBucketName": f"{prefix}-unloads-{app.account_id}",
        "IntermediateBucketName": f"{prefix}-appflow-intermediate-{warehouse.account_id}",
        "ErrorBucketName": f"{prefix}-appflow-errors-{warehouse.account_id}",
    }


def parameter_sources(stack: Stack, stacks: Sequence[Stack], environment: Environment) -> dict[str, Source]:
    """Return where the value of each of a stack's parameters comes from; those that nothing gives are left out.

    Raises DeployError for a parameter that two stacks give.
    """
    given = environment.given(stack.name)
    computed = {**computed_values(environment, built_release()), **_boundary(stack, environment)}
    found = {
        name: _declared(stack, name, stacks) or _known(name, given, computed) or _output(stack, name, stacks)
        for name in stack.parameters
    }
    return {name: source for name, source in found.items() if source}


def refuse_missing(stack: Stack, sources: Mapping[str, Source], environment: Environment) -> None:
    """Raise DeployError for a parameter that has no default, and that nothing gives."""
    for name, declaration in stack.parameters.items():
        if name not in sources and "Default" not in declaration:
            bundled = " Or run make -C deploy bundle, which gives it." if name.startswith("Release") else ""
            raise DeployError(
                f"Nothing gives {name} of stack {stack.name}. Write it in parameters/{environment.name}.toml:"
                f" {declaration.get('Description', 'no description')}.{bundled}"
            )


def _boundary(stack: Stack, environment: Environment) -> dict[str, str]:
    """Return what limits the roles of a stack: CloudFormation's own role may make none without it."""
    account = environment.accounts[stack.account]
    if stack.by_person or not account.cloudformation_role:
        return {}
    name = f"{environment.name_prefix}-boundary"
    return {"PermissionsBoundaryArn": f"arn:aws:iam::{account.account_id}:policy/{name}"}


_HOSTS = "app-host"  # its load balancer answers to DomainName


def _declared(stack: Stack, name: str, stacks: Sequence[Stack]) -> Source | None:
    if name not in stack.sources:
        return None
    giver, _, output = stack.sources[name].partition(".")
    if not any(one.name == giver and output in one.outputs for one in stacks):
        raise DeployError(f"{name} of stack {stack.name} is to come from {giver}.{output}, which is not there.")
    return Source("output", stack=giver, output=output)


def _known(name: str, given: Mapping[str, str], computed: Mapping[str, str]) -> Source | None:
    if name in given:
        return Source("parameter file", given[name])
    return Source("computed", computed[name]) if name in computed else None


def _output(stack: Stack, name: str, stacks: Sequence[Stack]) -> Source | None:
    givers = [one.name for one in stacks if one.account == stack.account and one != stack and name in one.outputs]
    if len(givers) > 1:
        raise DeployError(
            f"{name} of stack {stack.name} could come from {' or '.join(givers)}. Say which in stacks.toml."
        )
    return Source("output", stack=givers[0], output=name) if givers else None


def deployment_order(stacks: Sequence[Stack], environment: Environment) -> list[Stack]:
    """Return the stacks, each after all whose outputs it takes, else as they are declared.

    Raises DeployError for stacks that need each other.
    """
    needs = {stack.name: _needed(parameter_sources(stack, stacks, environment)) for stack in stacks}
    try:
        TopologicalSorter(needs).prepare()
    except CycleError as error:
        raise DeployError(f"These stacks need each other's outputs: {' → '.join(error.args[1])}.") from error
    ordered: list[Stack] = []
    while len(ordered) < len(stacks):
        done = {stack.name for stack in ordered}
        ordered.append(next(one for one in stacks if one.name not in done and needs[one.name] <= done))
    return ordered


def _needed(sources: Mapping[str, Source]) -> set[str]:
    return {source.stack for source in sources.values() if source.stack}


def parameter_values(sources: Mapping[str, Source], outputs: Mapping[str, Mapping[str, str]]) -> list[dict[str, Any]]:
    """Return parameters as CloudFormation takes them; `outputs` by the declared name of the stack.

    Raises DeployError for an output of a stack that is not deployed, or was deployed before it had that output.
    """
    return [{"ParameterKey": name, "ParameterValue": _value(name, one, outputs)} for name, one in sources.items()]


def _value(name: str, source: Source, outputs: Mapping[str, Mapping[str, str]]) -> str:
    if not source.stack:
        return source.text
    try:
        return outputs[source.stack][source.output]
    except KeyError:
        raise DeployError(
            f"{name} is to come from output {source.output} of stack {source.stack}, which is not deployed yet,"
            " or not with that output. Deploy that stack first."
        ) from None
