"""host.yaml as CloudFormation would fill it in."""

from collections.abc import Mapping
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

from deploy.local.accounts import APP
from deploy.local.state import REPOSITORY
from deploy.local.templates.intrinsics import Created, Resolver

TEMPLATE: Final = REPOSITORY / "deploy/account1_app/host.yaml"
STACK: Final = "myapp-host"


def template() -> dict[str, Any]:
    """Return the template as it is written."""
    document: dict[str, Any] = yaml_parse(TEMPLATE.read_text())
    return document


def user_data(parameters: Mapping[str, str], resources: Mapping[str, str]) -> str:
    """Return the script that hosts run at their first boot; `resources` is what `Ref` gives of those it names."""
    document = template()
    defaults = {name: str(one.get("Default", f"no-{name}")) for name, one in document["Parameters"].items()}
    pseudo = {"AWS::Region": APP.region, "AWS::StackName": STACK, "AWS::AccountId": APP.account_id}
    resolver = Resolver(TEMPLATE, {**defaults, **parameters, **pseudo}, {}, document["Conditions"])
    resolver.created.update({name: Created(value) for name, value in resources.items()})
    data = document["Resources"]["LaunchTemplate"]["Properties"]["LaunchTemplateData"]["UserData"]["Fn::Base64"]
    return str(resolver.resolve(data, ("LaunchTemplate", "UserData")))


def settings_of(script: str) -> dict[str, str]:
    """Return the settings that a user data script writes down."""
    text = script.partition("<<'SETTINGS'\n")[2].partition("\nSETTINGS\n")[0]
    return dict(line.split("=", 1) for line in text.splitlines())
