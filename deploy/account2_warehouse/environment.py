"""An environment's deployed Account 2: its clients, and what its stacks tell."""

import argparse
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deploy.stacks.accounts import Accounts
from deploy.stacks.declared import stacks_of
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import load_environment
from deploy.stacks.errors import DeployError

Say = Callable[[str], None]


@dataclass(frozen=True)
class Warehouse:
    """Account 2: `client` gives a client of a service in it, `outputs` are those of its stacks by their names."""

    client: Callable[[str], Any]
    outputs: Mapping[str, str]

    def output(self, name: str) -> str:
        """Return an output. Raises DeployError if no stack has it yet."""
        if not (value := self.outputs.get(name)):
            raise DeployError(f"No stack of Account 2 gives {name} yet. Run make -C deploy deploy-account2 first.")
        return value


def run(arguments: list[str], program: str, action: Callable[[Warehouse, Say], None]) -> int:
    """Carry out an action on the Account 2 of the environment that the arguments name; return the exit code."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}")
    parser.add_argument("environment", help="the name of a file in deploy/parameters, such as staging")
    try:
        action(_deployed(parser.parse_args(arguments).environment), _say)
    except (DeployError, ClientError, BotoCoreError) as error:
        print(f"deploy: {error}", file=sys.stderr)  # noqa: T201
        return 1
    return 0


def _deployed(name: str) -> Warehouse:
    environment = load_environment(name)
    accounts = Accounts(dict(environment.accounts))
    found = Deployment(environment, stacks_of(name), accounts, _say).outputs("account2")
    merged = {key: value for outputs in found.values() for key, value in outputs.items()}
    return Warehouse(lambda service: accounts.client("warehouse", service), merged)


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
