"""Whether somebody approved a production deployment: asked of who runs it, or of the pipeline that does."""

import json
import sys
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any, Final

from deploy.stacks.environments import Environment
from deploy.stacks.errors import DeployError

_GITHUB_SECONDS: Final = 20


def agreement(
    environment: Environment, *, is_confirmed: bool, variables: Mapping[str, str], codepipeline: Callable[[], Any]
) -> Callable[[str], bool]:
    """Return what is asked before each change set is carried out.

    `is_confirmed` says that nobody shall be asked; `variables` are the process's environment.
    Raises DeployError if nobody shall be asked, this is production, and no pipeline's approval was given.
    """
    if not environment.is_production:
        return lambda _stack: True
    if not is_confirmed:
        return _asked
    if not (_approved_in_codepipeline(variables, codepipeline) or _approved_in_github(variables)):
        raise DeployError(
            "--no-confirm is for the pipeline, after its approval. No approval of this run was found:"
            " leave --no-confirm out and confirm each change here, or approve it in the pipeline."
        )
    return lambda _stack: True


def _asked(stack_name: str) -> bool:
    if not sys.stdin.isatty():
        raise DeployError("Production changes are confirmed by a person at a terminal, or approved in the pipeline.")
    return input(f"Carry out these changes of {stack_name}? Write its name: ").strip() == stack_name


def _approved_in_codepipeline(variables: Mapping[str, str], codepipeline: Callable[[], Any]) -> bool:
    """Ask CodePipeline whether this execution's manual approval was given; the two names are set by the pipeline."""
    pipeline, execution = variables.get("PIPELINE_NAME"), variables.get("PIPELINE_EXECUTION_ID")
    if not pipeline or not execution:
        return False
    details = codepipeline().list_action_executions(pipelineName=pipeline, filter={"pipelineExecutionId": execution})[
        "actionExecutionDetails"
    ]
    return any(
        one["input"]["actionTypeId"]["category"] == "Approval" and one["status"] == "Succeeded" for one in details
    )


def _approved_in_github(variables: Mapping[str, str]) -> bool:
    """Ask GitHub whether the production environment was approved for this run.

    https://docs.github.com/en/rest/actions/workflow-runs#get-the-review-history-for-a-workflow-run
    """
    repository, run, token = (variables.get(name) for name in ("GITHUB_REPOSITORY", "GITHUB_RUN_ID", "GITHUB_TOKEN"))
    if not (repository and run and token):
        return False
    address = (
        f"{variables.get('GITHUB_API_URL', 'https://api.github.com')}/repos/{repository}/actions/runs/{run}/approvals"
    )
    headers = {"Authorization": f"Bearer {token}", "Accept": "application/vnd.github+json"}
    request = urllib.request.Request(address, headers=headers)  # noqa: S310 - GitHub sets the address itself
    with urllib.request.urlopen(request, timeout=_GITHUB_SECONDS) as answer:  # noqa: S310
        reviews = json.load(answer)
    return any(
        review["state"] == "approved" and any(one["name"] == "production" for one in review["environments"])
        for review in reviews
    )
