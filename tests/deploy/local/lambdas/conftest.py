"""Deploys one function in front of one queue, and runs it."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from deploy.local.lambdas.invocations import Invocation
from deploy.local.lambdas.runner import Runner
from deploy.local.processes import wait_until
from deploy.local.templates.account import Account
from deploy.local.templates.deploy import deploy_template
from tests.aws import ACCOUNT_1, REGION_1, aws_client, aws_endpoint, clean_aws

__all__ = ["aws_endpoint", "clean_aws"]

TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  Handler: {{Type: String}}
  Notes: {{Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: work{suffix}
      VisibilityTimeout: {visibility}
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 2}}{fifo}
  DeadLetters: {{Type: AWS::SQS::Queue, Properties: {{QueueName: dead{suffix}{inline_fifo}}}}}
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: worker
      Handler: !Sub handlers.${{Handler}}
      Runtime: python3.13
      CodeUri: {code}
      Timeout: {timeout}
      MemorySize: {memory}
      Environment: {{Variables: {{NOTES: !Ref Notes}}}}
      {failed}
      Events:
        Work:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: {batch}
            FunctionResponseTypes: [ReportBatchItemFailures]
            {source}
"""

ON_FAILURE = "EventInvokeConfig: {DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt DeadLetters.Arn}}}"


@dataclass
class Stand:
    """A running function, its queue and what became of its invocations."""

    runner: Runner
    queue_url: str
    dead_letters_url: str
    folder: Path
    invocations: list[Invocation] = field(default_factory=list)

    def send(self, *bodies: str, group: str | None = None) -> None:
        """Put messages on the queue, one after the other."""
        more = {"MessageGroupId": group} if group else {}
        for body in bodies:
            unique = {"MessageDeduplicationId": f"{group}-{body}"} if group else {}
            aws_client("sqs").send_message(QueueUrl=self.queue_url, MessageBody=body, **more, **unique)

    def notes(self) -> list[str]:
        """Return what handlers noted so far."""
        path = self.folder / "notes"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for_notes(self, count: int, seconds: float = 20) -> list[str]:
        """Wait until there are so many notes."""
        assert wait_until(lambda: len(self.notes()) >= count, seconds), self.notes()
        return self.notes()

    def left(self) -> int:
        """Return how many messages are on the queue, visible or not."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        answer = aws_client("sqs").get_queue_attributes(QueueUrl=self.queue_url, AttributeNames=names)
        return sum(int(value) for value in answer["Attributes"].values())

    def dead_letters(self) -> list[str]:
        """Return what has come to the dead-letter queue so far, once."""
        answer = aws_client("sqs").receive_message(QueueUrl=self.dead_letters_url, MaxNumberOfMessages=10)
        return [message["Body"] for message in answer.get("Messages", ())]

    def log(self) -> str:
        """Return the function's log."""
        return (self.folder / "worker.log").read_text()


MakeStand = Callable[..., Stand]


@pytest.fixture
def stand(tmp_path: Path, clean_aws: str) -> Iterator[MakeStand]:
    """Deploy and start a function; keyword arguments vary the template."""
    with ExitStack() as running:

        def make(handler: str, **options: Any) -> Stand:
            stand = _stand(handler, tmp_path, clean_aws, **options)
            running.enter_context(stand.runner)
            return stand

        yield make


def _stand(
    handler: str, folder: Path, url: str, *, fifo: bool = False, extra: dict[str, str] | None = None, **options: Any
) -> Stand:
    settings = {
        "visibility": 30,
        "timeout": 10,
        "memory": 256,
        "batch": 10,
        "source": "",
        "failed": ON_FAILURE,
    } | options
    text = TEMPLATE.format(
        suffix=".fifo" if fifo else "",
        fifo="\n      FifoQueue: true" if fifo else "",
        inline_fifo=", FifoQueue: true" if fifo else "",
        code=Path(__file__).parent,
        **{"failed": ON_FAILURE, **settings},
    )
    template = folder / "template.yaml"
    template.write_text(text)
    account = Account(ACCOUNT_1, REGION_1)
    deployed = deploy_template(template, account, {"Handler": handler, "Notes": str(folder)}, url)
    invocations: list[Invocation] = []
    runner = Runner(
        deployed.functions,
        deployed.event_sources,
        url,
        folder,
        extra_environment=extra,
        report=invocations.append,
        async_invocations=deployed.async_invocations,
        async_waits_seconds=(0.01, 0.01),
    )
    ids = deployed.physical_ids
    return Stand(runner, ids["Queue"], ids["DeadLetters"], folder, invocations)
