"""The stacks that stacks.toml declares, and what their templates ask for and give."""

import functools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml
from samtranslator.yaml_helper import yaml_parse

from deploy.stacks.errors import DeployError

DEPLOY: Final = Path(__file__).parents[1]
DECLARATION: Final = DEPLOY / "stacks" / "stacks.toml"

# The template of these has local code: what is deployed is what `sam build` and `sam package` make of it.
_BUILT: Final = "AWS::Serverless-2016-10-31"
# How the groups end whose stacks say who deploys, and with whose rights.
_PIPELINE: Final = "-pipeline"


@functools.lru_cache(maxsize=32)  # each declaration has its own stacks, and YAML takes long to read
def _read(text: str) -> Any:
    return yaml_parse(text)


@dataclass(frozen=True)
class Stack:
    """One declared stack; `sources` are outputs of others, as `stack.Output`, by the parameter that takes them.

    `only` names the one environment that has it; empty for all. `if_given` names the parameter without which it is
    left out. One `by_person` is made with the rights of who deploys it, not with CloudFormation's own: what it makes
    would widen these, or could not be made with them.
    """

    name: str
    account: str
    group: str
    template: Path
    sources: Mapping[str, str] = field(default_factory=dict)
    only: str = ""
    if_given: str = ""
    by_person: bool = False

    @functools.cached_property
    def document(self) -> Mapping[str, Any]:
        """Return the template's content. Raises DeployError if it can't be read."""
        try:
            return dict(_read(self.template.read_text()))
        except (OSError, ValueError, yaml.YAMLError) as error:
            raise DeployError(f"The template of stack {self.name} can't be read: {error}") from error

    @property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Return the template's parameters."""
        return dict(self.document.get("Parameters", {}))

    @property
    def outputs(self) -> frozenset[str]:
        """Return the names of the template's outputs."""
        return frozenset(self.document.get("Outputs", {}))

    def is_within(self, group: str) -> bool:
        """Tell whether the stack is of a group, or of one that begins with its name; all are within the empty one."""
        return group in ("", self.group) or self.group.startswith(f"{group}-")

    @property
    def is_of_pipeline(self) -> bool:
        """Tell whether the stack says who deploys, and holds the role that CloudFormation makes the others with."""
        return self.group.endswith(_PIPELINE)

    @property
    def has_code(self) -> bool:
        """Tell whether the template names local code, which is built and packaged first."""
        return _BUILT in str(self.document.get("Transform", ""))

    @property
    def retained(self) -> tuple[str, ...]:
        """Return the logical ids of what stays when the stack is deleted."""
        return tuple(
            name for name, one in self.document["Resources"].items() if one.get("DeletionPolicy", "Delete") != "Delete"
        )


def stacks_of(environment: str) -> tuple[Stack, ...]:
    """Return the declared stacks that an environment has."""
    return tuple(stack for stack in declared_stacks() if stack.only in ("", environment))


def declared_stacks(path: Path = DECLARATION) -> tuple[Stack, ...]:
    """Return all stacks in the order they are declared in; templates are named from the folder above the file's.

    One whose template is not there is left out: its undeclared template, elsewhere, fails a test.
    Raises DeployError for two stacks of one name.
    """
    stacks = tuple(_stacks(tomllib.loads(path.read_text())["stacks"], path.parents[1]))
    if len({stack.name for stack in stacks}) < len(stacks):
        raise DeployError(f"{path} declares two stacks of the same name. Give one another name.")
    return tuple(stack for stack in stacks if stack.template.is_file())


def _stacks(entries: list[dict[str, Any]], folder: Path) -> Iterator[Stack]:
    for entry in entries:
        yield Stack(**{**entry, "template": folder / entry["template"]})
