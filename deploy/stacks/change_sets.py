"""A stack is changed by a change set only: made, shown, and carried out once somebody agreed."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import uuid4

from botocore.exceptions import ClientError, WaiterError

from deploy.stacks.errors import DeployError

# CloudFormation says it in these words only, and differently for stacks with a transform.
_NOTHING_TO_DO: Final = ("didn't contain changes", "No updates are to be performed")
_CAPABILITIES: Final = ("CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND")
_WAIT: Final = {"Delay": 5, "MaxAttempts": 720}  # an hour: a database takes most of one


@dataclass(frozen=True)
class Wanted:
    """What a stack is to become; `template` is TemplateBody or TemplateURL with its value."""

    stack_name: str
    template: Mapping[str, str]
    parameters: Sequence[Mapping[str, Any]]
    tags: Mapping[str, str]
    role_arn: str | None = None


def apply(client: Any, wanted: Wanted, show: Callable[[str], None], is_agreed: Callable[[str], bool]) -> str:
    """Bring a stack to what is wanted; return "unchanged", "changed" or "refused".

    Raises DeployError when CloudFormation refuses the change or fails in it; the stack is then as it was before.
    """
    name, kind = f"deploy-{uuid4().hex[:12]}", _kind(client, wanted.stack_name)
    client.create_change_set(ChangeSetName=name, ChangeSetType=kind, **_request(wanted))
    reason = _failure(client, wanted.stack_name, name)
    if reason:
        client.delete_change_set(StackName=wanted.stack_name, ChangeSetName=name)
        if any(words in reason for words in _NOTHING_TO_DO):
            return "unchanged"
        raise DeployError(f"CloudFormation can't make the change of {wanted.stack_name}: {reason}")
    for line in _changes(client, wanted.stack_name, name):
        show(line)
    if not is_agreed(wanted.stack_name):
        client.delete_change_set(StackName=wanted.stack_name, ChangeSetName=name)
        return "refused"
    # What stays by policy stays when a stack is deleted. What a failed change has just made must not: it would keep its
    # name, and the next try would fail on that.
    client.execute_change_set(StackName=wanted.stack_name, ChangeSetName=name, RetainExceptOnCreate=True)
    _wait(client, wanted.stack_name, "stack_create_complete" if kind == "CREATE" else "stack_update_complete")
    return "changed"


def outputs_of(client: Any, stack_name: str) -> dict[str, str] | None:
    """Return a stack's outputs; None if it does not exist, or was never finished."""
    stack = _stack(client, stack_name)
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return None
    return {one["OutputKey"]: one.get("OutputValue", "") for one in stack.get("Outputs", ())}  # some are empty


def delete(client: Any, stack_name: str) -> bool:
    """Delete a stack and wait for it; return False if there was none.

    Raises DeployError if something in it could not be deleted.
    """
    if _stack(client, stack_name) is None:
        return False
    client.delete_stack(StackName=stack_name)
    _wait(client, stack_name, "stack_delete_complete")
    return True


def _request(wanted: Wanted) -> dict[str, Any]:
    role = {"RoleARN": wanted.role_arn} if wanted.role_arn else {}
    return {
        "StackName": wanted.stack_name,
        "Parameters": wanted.parameters,
        "Capabilities": _CAPABILITIES,
        "Tags": [{"Key": key, "Value": value} for key, value in wanted.tags.items()],
        **wanted.template,
        **role,
    }


def _stack(client: Any, stack_name: str) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = client.describe_stacks(StackName=stack_name)["Stacks"][0]
    except ClientError as error:
        if "does not exist" in error.response["Error"]["Message"]:
            return None
        raise
    return found


def _kind(client: Any, stack_name: str) -> str:
    stack = _stack(client, stack_name)
    if stack is None or stack["StackStatus"] == "REVIEW_IN_PROGRESS":
        return "CREATE"
    if stack["StackStatus"] == "ROLLBACK_COMPLETE":
        raise DeployError(
            f"{stack_name} was never created: its first deployment failed. Delete the empty stack"
            f" (aws cloudformation delete-stack --stack-name {stack_name}), then deploy again."
        )
    return "UPDATE"


def _failure(client: Any, stack_name: str, name: str) -> str | None:
    """Wait until a change set is made; return why it could not be, or None."""
    try:
        client.get_waiter("change_set_create_complete").wait(
            StackName=stack_name, ChangeSetName=name, WaiterConfig=_WAIT
        )
    except WaiterError:
        answer = client.describe_change_set(StackName=stack_name, ChangeSetName=name)
        return str(answer.get("StatusReason", answer["Status"]))
    return None


def _changes(client: Any, stack_name: str, name: str) -> Iterator[str]:
    pages = client.get_paginator("describe_change_set").paginate(StackName=stack_name, ChangeSetName=name)
    for page in pages:
        for change in page.get("Changes", ()):
            one = change["ResourceChange"]
            replaced = " — REPLACED" if one.get("Replacement") in ("True", "Conditional") else ""
            yield f"  {one['Action']:<8} {one['ResourceType']:<40} {one['LogicalResourceId']}{replaced}"


def _wait(client: Any, stack_name: str, waiter: str) -> None:
    try:
        client.get_waiter(waiter).wait(StackName=stack_name, WaiterConfig=_WAIT)
    except WaiterError as error:
        reasons = "\n".join(_reasons(client, stack_name)) or str(error)
        raise DeployError(f"CloudFormation failed on {stack_name}:\n{reasons}") from error


def _reasons(client: Any, stack_name: str) -> list[str]:
    """Return what failed, the cause first: CloudFormation tells the newest first."""
    events = client.describe_stack_events(StackName=stack_name)["StackEvents"]
    failed = [one for one in events if one["ResourceStatus"].endswith("_FAILED")]
    return [
        f"  {one['LogicalResourceId']}: {one.get('ResourceStatusReason', 'no reason given')}" for one in failed[::-1]
    ]
