"""The parameter files: where an environment's stacks lie, and the values that only its owner knows."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from deploy.stacks.declared import DEPLOY
from deploy.stacks.errors import DeployError

FOLDER: Final = DEPLOY / "parameters"
_ACCOUNT_ID: Final = re.compile(r"(?!0{12})[0-9]{12}")


@dataclass(frozen=True)
class AccountSettings:
    """One account of an environment; the roles are those of pipeline/deploy_roles.yaml, or None."""

    account_id: str
    region: str
    deploy_role: str | None = None
    cloudformation_role: str | None = None

    @property
    def cloudformation_role_arn(self) -> str | None:
        """Return the ARN of the role that CloudFormation acts with; None if it acts with the caller's rights."""
        role = self.cloudformation_role
        return f"arn:aws:iam::{self.account_id}:role/{role}" if role else None


@dataclass(frozen=True)
class Environment:
    """One environment: both accounts, values for any stack, and values for single stacks by the stack's name."""

    name: str
    name_prefix: str
    accounts: Mapping[str, AccountSettings]
    parameters: Mapping[str, str]
    stack_parameters: Mapping[str, Mapping[str, str]]

    @property
    def is_production(self) -> bool:
        """Tell whether people depend on this environment: then changes are confirmed."""
        return self.name == "production"

    def stack_name(self, stack: str) -> str:
        """Return what CloudFormation calls a declared stack."""
        return f"{self.name_prefix}-{stack}"

    def given(self, stack: str) -> dict[str, str]:
        """Return the file's values for a stack; its own come before those for any. An empty one is not given yet."""
        values = {**self.parameters, **self.stack_parameters.get(stack, {})}
        return {name: value for name, value in values.items() if value}


def load_environment(name: str, folder: Path = FOLDER) -> Environment:
    """Return the environment that `<name>.toml` describes.

    Raises DeployError if there is none, or it still holds a placeholder.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        names = ", ".join(sorted(one.stem for one in folder.glob("*.toml")))
        raise DeployError(f"There is no environment {name!r}. Say which: ENV=… ({names}).")
    content = tomllib.loads(path.read_text())
    _refuse_placeholders(path, content)
    return Environment(
        name=name,
        name_prefix=content["parameters"]["NamePrefix"],
        accounts={key: AccountSettings(**value) for key, value in content["accounts"].items()},
        parameters=_texts(content["parameters"]),
        stack_parameters={stack: _texts(values) for stack, values in content.get("stacks", {}).items()},
    )


def _texts(values: Mapping[str, Any]) -> dict[str, str]:
    """Return values as CloudFormation takes them."""
    return {
        name: ",".join(map(str, value)) if isinstance(value, list) else str(value) for name, value in values.items()
    }


def _refuse_placeholders(path: Path, content: Mapping[str, Any]) -> None:
    for key, account in content["accounts"].items():
        if not _ACCOUNT_ID.fullmatch(account["account_id"]):
            raise DeployError(
                f"{path}: account_id of {key} is {account['account_id']!r}, which is no account."
                " Write the 12 digits of the real one."
            )
