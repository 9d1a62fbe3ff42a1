"""Account 1's templates as they are written, and host.yaml as CloudFormation would fill it in."""

import functools
from collections.abc import Mapping
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

from deploy.local.accounts import APP
from deploy.local.state import REPOSITORY
from deploy.local.templates.intrinsics import Created, Resolver

FOLDER: Final = REPOSITORY / "deploy/account1_app"
TEMPLATE: Final = FOLDER / "host.yaml"
STACK: Final = "myapp-host"
_PSEUDO: Final = {
    "AWS::Region": APP.region,
    "AWS::AccountId": APP.account_id,
    "AWS::Partition": "aws",
    "AWS::StackName": STACK,
    "AWS::StackId": f"arn:aws:cloudformation:{APP.region}:{APP.account_id}:stack/{STACK}/id",
}


@functools.cache
def document(name: str) -> dict[str, Any]:
    """Return a template of Account 1's as it is written; nobody changes it."""
    parsed: dict[str, Any] = yaml_parse((FOLDER / name).read_text())
    return parsed


def template() -> dict[str, Any]:
    """Return the hosts' template as it is written."""
    return document(TEMPLATE.name)


def user_data(parameters: Mapping[str, str], resources: Mapping[str, str]) -> str:
    """Return the script that hosts run at their first boot; `resources` is what `Ref` gives of those it names."""
    data = _properties("LaunchTemplate")["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    return str(_resolver(parameters, resources).resolve(data, ("LaunchTemplate", "UserData")))


def host_policy(parameters: Mapping[str, str], resources: Mapping[str, str]) -> dict[str, Any]:
    """Return the policy that the stack adds to the role of the hosts."""
    policy = _properties("HostPolicy")["PolicyDocument"]
    resolved: dict[str, Any] = _resolver(parameters, resources).resolve(policy, ("HostPolicy",))
    return resolved


def settings_of(script: str) -> dict[str, str]:
    """Return the settings that a user data script writes down."""
    text = script.partition("<<'SETTINGS'\n")[2].partition("\nSETTINGS\n")[0]
    return dict(line.split("=", 1) for line in text.splitlines())


def _properties(name: str) -> dict[str, Any]:
    properties: dict[str, Any] = template()["Resources"][name]["Properties"]
    return properties


def _resolver(parameters: Mapping[str, str], resources: Mapping[str, str]) -> Resolver:
    written = template()
    defaults = {name: str(one.get("Default", f"no-{name}")) for name, one in written["Parameters"].items()}
    resolver = Resolver(TEMPLATE, {**defaults, **parameters, **_PSEUDO}, {}, written["Conditions"])
    resolver.created.update({name: Created(value) for name, value in resources.items()})
    return resolver
