"""Two small accounts at the local AWS endpoint: an environment, templates, and a deployment of them."""

from collections.abc import Callable
from pathlib import Path

import pytest
from moto.cloudformation.models import ChangeSet
from moto.cloudformation.responses import CloudFormationResponse

from deploy.stacks.accounts import Accounts
from deploy.stacks.declared import Stack, declared_stacks
from deploy.stacks.deploying import Deployment
from deploy.stacks.environments import AccountSettings, Environment
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_endpoint, clean_aws

__all__ = ["aws_endpoint", "clean_aws"]

QUEUE = """
Parameters:
  NamePrefix: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "${NamePrefix}-first"}}
Outputs:
  QueueName: {Value: !GetAtt Queue.QueueName}
"""
READER = """
Parameters:
  QueueName: {Type: String}
  AppAccountId: {Type: String}
  Delay: {Type: Number, Default: 1}
Resources:
  Second:
    Type: AWS::SQS::Queue
    DeletionPolicy: Retain
    Properties: {QueueName: !Sub "${QueueName}-${AppAccountId}", VisibilityTimeout: !Ref Delay}
"""

Declare = Callable[..., tuple[Stack, ...]]


@pytest.fixture
def environment() -> Environment:
    accounts = {
        "app": AccountSettings(ACCOUNT_1, REGION_1, deploy_role="try-deploy"),
        "warehouse": AccountSettings(ACCOUNT_2, REGION_2, deploy_role="try-deploy"),
    }
    return Environment("staging", "try", accounts, {"NamePrefix": "try"}, {})


@pytest.fixture
def declare(tmp_path: Path) -> Declare:
    """Declare stacks, each as `name="template"`; all are of account `app` and group `account1`."""

    def declare(**templates: str) -> tuple[Stack, ...]:
        (tmp_path / "stacks").mkdir(exist_ok=True)
        lines = []
        for name, text in templates.items():
            (tmp_path / f"{name}.yaml").write_text(text)
            lines.append(f'{{name="{name}", account="app", group="account1", template="{name}.yaml"}},')
        path = tmp_path / "stacks/stacks.toml"
        path.write_text("stacks = [" + "\n".join(lines) + "]")
        return declared_stacks(path)

    return declare


@pytest.fixture(autouse=True)
def _change_sets_as_cloudformation_makes_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mend moto 5.2.5: a change set gave its stack no outputs; one without changes was an error at once."""

    def apply(change_set: ChangeSet) -> None:
        stack = change_set.stack
        stack.resource_map.update(change_set.template_dict, change_set.parameters)
        stack.template, stack.parameters = change_set.template, change_set.parameters
        stack._parse_template()
        stack.output_map = stack._create_output_map()

    monkeypatch.setattr(ChangeSet, "apply", apply)
    monkeypatch.setattr(CloudFormationResponse, "_validate_different_update", lambda *_: None)


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Log in to Account 1, as whoever deploys it does."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", ACCOUNT_1)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "any")


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def deployment(
    declare: Declare, environment: Environment, clean_aws: str, credentials: None, said: list[str]
) -> Callable[..., Deployment]:
    """Declare stacks and return their deployment at the local endpoint."""

    def deployment(**templates: str) -> Deployment:
        bucket = "Resources: {}\nOutputs: {ArtifactBucketName: {Value: none}}"
        stacks = declare(artifacts=bucket, **templates)
        return Deployment(environment, stacks, Accounts(dict(environment.accounts), clean_aws), said.append)

    return deployment
