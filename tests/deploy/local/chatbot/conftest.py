"""A channel with two buttons in front of one function, on the local endpoint."""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import requests

from deploy.local.chatbot.channel import Channel
from deploy.local.chatbot.pages import ChatPage
from deploy.local.lambdas.invocations import Invocation
from deploy.local.lambdas.runner import Runner
from deploy.local.processes import wait_until
from deploy.local.templates.account import Account
from deploy.local.templates.deploy import deploy_template
from tests.aws import ACCOUNT_1, REGION_1, aws_client, aws_endpoint, clean_aws
from tests.deploy.local.chatbot.template import CHANNEL

__all__ = ["aws_endpoint", "clean_aws"]

SECONDS = 20
FUNCTION_ARN = f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:worker"
FUNCTION = """
  Function:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: worker
      Handler: handlers.HANDLER
      Runtime: python3.13
      CodeUri: CODE
      Timeout: 10
"""


@dataclass
class Room:
    """The channel's page as somebody sees it, and the topic that it hears."""

    page: ChatPage
    topic_arn: str
    invocations: list[Invocation] = field(default_factory=list)

    def publish(self, message: Any) -> None:
        """Publish on the topic and wait until the channel has heard it."""
        channel = self.page.channel
        before = len(channel.posts) + len(channel.dropped)
        text = message if isinstance(message, str) else json.dumps(message)
        aws_client("sns").publish(TopicArn=self.topic_arn, Message=text)
        assert wait_until(lambda: len(channel.posts) + len(channel.dropped) > before, SECONDS)

    def html(self) -> str:
        """Return the page."""
        return requests.get(self.page.url, timeout=SECONDS).text

    def buttons(self) -> list[str]:
        """Return what the page's buttons say."""
        return re.findall(r"<button[^>]*>([^<]+)</button>", self.html())

    def press(self, action: str, **changes: str) -> requests.Response:
        """Press the first button of an action, as a browser does; `changes` are to the form."""
        html = self.html()
        form = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]+)">', html))
        return requests.post(f"{self.page.url}/press", data={**form, "action": action, **changes}, timeout=SECONDS)


MakeRoom = Callable[..., Room]


def custom(thread_id: str = "incident-1", title: str = "Run failed", **context: str) -> dict[str, Any]:
    """Return a custom notification."""
    return {
        "version": "1.0",
        "source": "custom",
        "content": {"textType": "client-markdown", "title": title, "description": "*What* failed"},
        "metadata": {"threadId": thread_id, "additionalContext": {"region": REGION_1, **context}},
    }


@pytest.fixture
def room(tmp_path: Path, clean_aws: str) -> Iterator[MakeRoom]:
    """Deploy a channel and open it; arguments say what its role and its guardrail allow."""
    with ExitStack() as running:

        def make(handler: str = "retry", command_seconds: float = 15, **parameters: str) -> Room:
            path = tmp_path / "template.yaml"
            function = FUNCTION.replace("HANDLER", handler).replace("CODE", str(Path(__file__).parent))
            path.write_text(f"Transform: AWS::Serverless-2016-10-31\n{CHANNEL}{function}")
            wanted = {"ByRole": FUNCTION_ARN, "ByGuardrail": FUNCTION_ARN, **parameters}
            deployed = deploy_template(path, Account(ACCOUNT_1, REGION_1), wanted, clean_aws)
            invocations: list[Invocation] = []
            runner = Runner(deployed.functions, deployed.event_sources, clean_aws, tmp_path, report=invocations.append)
            running.enter_context(runner)
            (definition,) = deployed.chat_channels
            page = ChatPage(Channel(definition, runner, clean_aws, command_seconds))
            running.enter_context(page)
            return Room(page, deployed.physical_ids["Topic"], invocations)

        yield make
