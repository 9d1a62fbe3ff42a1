"""What services do because the templates say so: calls in words, of which none is on the record."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.local.policies.record import Call
from deploy.local.policies.roles import Role
from deploy.local.templates.resolved import Stack


def facts_of(stacks: list[Stack], roles: list[Role]) -> list[Call]:
    """Return them as calls, whose action is the words of the table in implied.py."""
    return [fact for stack in stacks for fact in _facts(stack)] + [
        _fact(role.arn, f"{principal} takes the role on", "*") for role in roles for principal in role.principals
    ]


def _fact(role_arn: str, words: str, resource: str) -> Call:
    return Call(role_arn, "", "", words, resource)


def _facts(stack: Stack) -> Iterator[Call]:
    for function in stack.of_type("AWS::Lambda::Function").values():
        yield from _of_function(stack, function)
    for source in stack.of_type("AWS::Lambda::EventSourceMapping").values():
        function = stack.properties[stack.named(source["FunctionName"]) or source["FunctionName"]]
        yield _fact(function["Role"], "a queue feeds a function", source["EventSourceArn"])
    for schedule in stack.of_type("AWS::Scheduler::Schedule").values():
        target = schedule["Target"]
        if queue := target.get("DeadLetterConfig", {}).get("Arn"):
            yield _fact(target["RoleArn"], "a schedule's failed messages go to a queue", queue)
    for policy in stack.of_type("AWS::IAM::Policy").values():
        if policy["PolicyName"] == "run-a-host":
            (role_name,) = policy["Roles"]
            yield _fact(f"arn:aws:iam::{stack.account.account_id}:role/{role_name}", "a host starts", "*")


def _of_function(stack: Stack, function: Mapping[str, Any]) -> Iterator[Call]:
    role, environment = function["Role"], function.get("Environment", {}).get("Variables", {})
    group = stack.named(function["LoggingConfig"]["LogGroup"])
    yield _fact(role, "a function runs", stack.arns[str(group)].removesuffix("*") + "log-stream:run")
    if function.get("TracingConfig", {}).get("Mode") == "Active":
        yield _fact(role, "a function is traced", "*")
    if function.get("VpcConfig"):
        yield _fact(role, "a function is in a network", "*")
    if queue := function.get("DeadLetterConfig", {}).get("TargetArn"):
        yield _fact(role, "a function's failed events go to a queue", queue)
    if environment.get("DATABASE_AUTH") == "iam":
        proxy, user = stack.parameters["DatabaseProxyResourceId"], environment["DATABASE_USER"]
        place = f"{stack.account.region}:{stack.account.account_id}"
        yield _fact(
            role, "a function logs in to MySQL with an IAM token", f"arn:aws:rds-db:{place}:dbuser:{proxy}/{user}"
        )
