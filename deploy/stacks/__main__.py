"""`python -m deploy.stacks <what> <environment>`: what `make -C deploy deploy-account1` and its like run."""

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from deploy.stacks.accounts import Accounts
from deploy.stacks.approvals import agreement
from deploy.stacks.declared import Stack, stacks_of
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import load_environment
from deploy.stacks.errors import DeployError
from deploy.stacks.smoke import health_problems, load_problems, queue_problems


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201


def _deploy(deployment: Deployment, options: argparse.Namespace) -> int:
    is_agreed = agreement(
        deployment.environment,
        is_confirmed=options.no_confirm,
        variables=os.environ,
        codepipeline=lambda: boto3.client("codepipeline"),
    )
    return 0 if deployment.deploy(options.group, is_agreed) else 1


def _destroy(deployment: Deployment, options: argparse.Namespace) -> int:
    environment = deployment.environment
    which = f"of group {options.group}" if options.group else "in both accounts"
    _say(f"This deletes every stack of {environment.name} {which}. Buckets and databases marked so stay.")
    prefix = environment.name_prefix
    if not sys.stdin.isatty() or input(f"Write {prefix} to go on: ").strip() != prefix:
        raise DeployError("Nothing was deleted: a person at a terminal must write the name.")
    deployment.destroy(options.group)
    return 0


def _outputs(deployment: Deployment, options: argparse.Namespace) -> int:
    for stack, outputs in deployment.outputs(options.group).items():
        _say(deployment.environment.stack_name(stack))
        for name, value in sorted(outputs.items()):
            _say(f"  {name} = {value}")
    return 0


def _package(deployment: Deployment, options: argparse.Namespace) -> int:
    deployment.package(options.group)
    return 0


def _sources(deployment: Deployment, _options: argparse.Namespace) -> int:
    deployment.sources()
    return 0


def _smoke(deployment: Deployment, options: argparse.Namespace) -> int:
    outputs = deployment.outputs(options.group)
    log_group = f"/aws/lambda/{deployment.environment.name_prefix}-upsert-report"
    problems = [f"Nothing is deployed of {deployment.environment.name}."] if not outputs else []
    problems += queue_problems(deployment, outputs)
    if options.group in ("", "account1"):
        problems += health_problems(options.url or _app_url(outputs))
        problems += [] if options.new else load_problems(deployment.accounts.client("app", "logs"), log_group)
    for problem in problems:
        _say(problem)
    _say(f"smoke: {len(problems)} problems" if problems else "smoke: all is well")
    return 1 if problems else 0


def _app_url(outputs: Mapping[str, Mapping[str, str]]) -> str | None:
    return next((found["AppUrl"] for found in outputs.values() if "AppUrl" in found), None)


_COMMANDS: Any = {
    "sources": _sources,
    "package": _package,
    "deploy": _deploy,
    "destroy": _destroy,
    "outputs": _outputs,
    "smoke": _smoke,
}


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m deploy.stacks", description="Deploys MyApp's stacks.")
    parser.add_argument("command", choices=_COMMANDS)
    parser.add_argument("environment", help="the name of a file in deploy/parameters, such as staging")
    parser.add_argument("--group", default="", help="a group of stacks.toml, such as account1; all if not named")
    parser.add_argument("--no-confirm", action="store_true", help="deploy: ask nobody (production: after its approval)")
    parser.add_argument("--url", default="", help="smoke: MyApp's address, if no stack gives it")
    parser.add_argument("--new", action="store_true", help="smoke: nothing can have been loaded yet")
    return parser.parse_args(arguments)


def _refuse_unknown_group(group: str, stacks: Sequence[Stack]) -> None:
    if not any(stack.is_within(group) for stack in stacks):
        groups = ", ".join(sorted({stack.group for stack in stacks}))
        raise DeployError(f"There is no group {group!r}. Say which: GROUP=… ({groups}).")


def main(arguments: list[str]) -> int:
    """Carry out one command; return the exit code."""
    options = _options(arguments)
    try:
        environment = load_environment(options.environment)
        stacks = stacks_of(environment.name)
        _refuse_unknown_group(options.group, stacks)
        deployment = Deployment(environment, stacks, Accounts(dict(environment.accounts)), _say)
        return int(_COMMANDS[options.command](deployment, options))
    except (DeployError, ClientError, BotoCoreError) as error:
        print(f"deploy: {error}", file=sys.stderr)  # noqa: T201
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
