"""What writes a log finds a group that a template made, with a retention: one that a service makes never expires."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest

from deploy.local.accounts import APP, WAREHOUSE
from deploy.local.policies.stacks import plain_template
from deploy.local.templates.resolved import Stack, resolved
from deploy.stacks.declared import declared_stacks

ACCOUNTS: Final = {"app": APP, "warehouse": WAREHOUSE}
WRITERS: Final = (
    "AWS::Logs::LogGroup",
    "AWS::RDS::DBInstance",
    "AWS::RedshiftServerless::Namespace",
    "AWS::SecretsManager::RotationSchedule",
)


def _stacks() -> Iterator[Stack]:
    for one in declared_stacks():
        if not one.has_code:  # of these the functions' log groups are part of the wiring
            account = ACCOUNTS[one.account]
            yield resolved(plain_template(one.template, account), account, WRITERS)


STACKS: Final = list(_stacks())


def _written(kind: str, properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the log groups that a resource writes to, as its service forms them."""
    match kind:
        case "AWS::RDS::DBInstance":
            name = properties["DBInstanceIdentifier"]
            yield from (f"/aws/rds/instance/{name}/{log}" for log in properties["EnableCloudwatchLogsExports"])
        case "AWS::RedshiftServerless::Namespace":
            yield from (f"/aws/redshift/{properties['NamespaceName']}/{log}" for log in properties["LogExports"])
        case "AWS::SecretsManager::RotationSchedule":
            yield f"/aws/lambda/{properties['HostedRotationLambda']['RotationLambdaName']}"


def _writers() -> Iterator[tuple[Stack, str, str]]:
    for stack in STACKS:
        for name, kind in stack.types.items():
            yield from ((stack, name, group) for group in _written(kind, stack.properties[name]))


WRITTEN: Final = list(_writers())


@pytest.mark.parametrize(("stack", "writer", "group"), WRITTEN, ids=[group for _, _, group in WRITTEN])
def test_a_log_that_a_service_writes_is_declared_before_it(stack: Stack, writer: str, group: str) -> None:
    groups = stack.of_type("AWS::Logs::LogGroup")
    [declared] = [name for name, one in groups.items() if one["LogGroupName"] == group]

    assert declared in stack.needs[writer]


def test_every_declared_log_expires() -> None:
    groups = [(name, one) for stack in STACKS for name, one in stack.of_type("AWS::Logs::LogGroup").items()]

    assert len(groups) >= 10
    assert [name for name, one in groups if not one.get("RetentionInDays")] == []
