"""What services do because the templates say so: calls in words, of which none is on the record."""

from collections.abc import Iterator, Mapping
from typing import Any

from deploy.local.policies.record import Call
from deploy.local.policies.roles import Role
from deploy.local.templates.resolved import Stack


def facts_of(stacks: list[Stack], roles: list[Role]) -> list[Call]:
    """Return them as calls, whose action is the words of the table in implied.py."""
    taken = [_fact(role.arn, f"{principal} takes the role on", "*") for role in roles for principal in role.principals]
    return [*(fact for stack in stacks for fact in _facts(stack)), *taken, *_of_deployments(stacks, roles)]


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
    for project in stack.of_type("AWS::CodeBuild::Project").values():
        yield from _of_build(stack, project)
    for policy in stack.of_type("AWS::IAM::Policy").values():
        if policy["PolicyName"] == "run-a-host":
            (role_name,) = policy["Roles"]
            yield _fact(f"arn:aws:iam::{stack.account.account_id}:role/{role_name}", "a host starts", "*")


def _of_deployments(stacks: list[Stack], roles: list[Role]) -> Iterator[Call]:
    """Who deploys lends CloudFormation a role of its own (deploy/stacks/change_sets.py), which hands on the others."""
    for lent in (role for role in roles if "cloudformation.amazonaws.com" in role.principals):
        for role in roles:
            if _account(role.arn) == _account(lent.arn) and role.template == lent.template and not role.principals:
                yield _fact(role.arn, "a deployment lends CloudFormation a role", lent.arn)
        for stack in stacks:
            if stack.account.account_id == _account(lent.arn):
                yield from (_fact(lent.arn, "CloudFormation gives a role to a service", one) for one in _handed(stack))


def _account(arn: str) -> str:
    return arn.split(":")[4]


def _handed(stack: Stack) -> Iterator[str]:
    """Yield the roles that a stack's functions, rules and schedules are given."""
    yield from (one["Role"] for one in stack.of_type("AWS::Lambda::Function").values())
    yield from (one["Target"]["RoleArn"] for one in stack.of_type("AWS::Scheduler::Schedule").values())
    for rule in stack.of_type("AWS::Events::Rule").values():
        yield from (target["RoleArn"] for target in rule["Targets"] if "RoleArn" in target)


def _of_build(stack: Stack, project: Mapping[str, Any]) -> Iterator[Call]:
    role, environment = project["ServiceRole"], project["Environment"].get("EnvironmentVariables", ())
    group = stack.named(project["LogsConfig"]["CloudWatchLogs"]["GroupName"])
    yield _fact(role, "a build runs", stack.arns[str(group)].removesuffix("*") + "log-stream:run")
    for variable in environment:
        if variable.get("Type") == "SECRETS_MANAGER":
            yield _fact(role, "a build is given a secret", ":".join(variable["Value"].split(":")[:7]))
    if project.get("VpcConfig"):
        place = f"{stack.account.region}:{stack.account.account_id}"
        yield _fact(role, "a build is in a network", f"arn:aws:ec2:{place}:network-interface/eni-1")


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
