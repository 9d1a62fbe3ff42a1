"""Where people read of an incident and press Retry: the chat channel's page, and the data flow's page in MyApp."""

import html
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from uuid import UUID

import requests
from django.contrib.auth.models import User
from django.test import Client

from dataflows.answers import answer_parse, answer_record
from deploy.local.chatbot.channel import Channel, Post
from deploy.local.chatbot.pages import ChatPage
from deploy.local.lambdas.runner import Runner
from deploy.local.processes import wait_until
from tests.dataflows.test_views import add_data_flow
from tests.faults.remediation.scene import REPORTS, Scene
from tests.warehouse.account import Account2

_SECONDS: Final = 60
_TOLD: Final = ("DataFlowIncidentChanged", "DataFlowRemedyReported", "WarehouseOutageChanged")


@contextmanager
def chat_page(account: Account2, logs: Path) -> Iterator[ChatPage]:
    """Open the template's channel, its buttons in front of the functions as they are shipped."""
    extra = {"SSL_CERT_FILE": str(account.services.certificates.ca_path)}
    runner = Runner(account.deployment.functions, (), account.services.url, logs, extra_environment=extra)
    (definition,) = account.deployment.chat_channels
    with runner, ChatPage(Channel(definition, runner, account.services.url)) as page:
        yield page


@dataclass
class Places:
    """Both pages, of the only data flow of a scene."""

    scene: Scene
    chat: ChatPage
    browser: Client
    operator: User
    _expected: dict[str, str] = field(default_factory=dict)  # the thread of each news that the channel is to be told

    def register(self) -> None:
        """Let MyApp know the data flow."""
        add_data_flow(self.operator, "1001", id=UUID(self.scene.data_flow_id), reports=REPORTS, status="active")
        self.browser.force_login(self.operator)

    def tell(self) -> None:
        """Let both places hear what was told."""
        for event in self.scene.heard:
            answer_record(answer_parse(json.dumps(event)))
            detail = event["detail"]
            if event["detail-type"] in _TOLD and detail.get("outcome") != "activated":
                self._expected[detail["event_id"]] = detail.get("incident_id") or detail["outage_id"]
        self.scene.heard.clear()
        while self.scene.account.hand_over("NotifyQueueUrl", "notify_chat"):
            pass
        assert wait_until(lambda: len(self._told()) >= len(self._expected), _SECONDS)

    def posts(self, kind: str = "DataFlowIncidentChanged") -> list[Post]:
        """Return what the channel was told by such events."""
        return [post for post in self._told() if (post.notification.body or {})["metadata"]["eventType"] == kind]

    def _told(self) -> list[Post]:
        """Return the posts in the scene's threads; what a button answers there by itself is left out."""
        threads = set(self._expected.values())
        return [post for post in self.chat.channel.posts if post.thread_id in threads and post.notification.body]

    def in_channel(self) -> str:
        """Return the words of the channel's page."""
        return _words(requests.get(self.chat.url, timeout=_SECONDS).text)

    def on_page(self) -> str:
        """Return the words of the data flow's page."""
        return _words(self.browser.get(f"/data-flows/{self.scene.data_flow_id}/").content.decode())

    def press_retry(self) -> None:
        """Press Retry below the incident that the channel was told of last, and let what follows be done."""
        self._press_retry()
        assert wait_until(lambda: self.scene.account.queue("WatchQueueUrl").left() > 0, _SECONDS)  # it works by itself
        self.scene.settle()
        self.tell()

    def press_retry_in_vain(self) -> None:
        """Press Retry where it is refused, and let the answer come."""
        self._press_retry()
        assert wait_until(lambda: self.scene.account.queue("NotifyQueueUrl").left() > 0, _SECONDS)
        self.scene.listen()
        self.tell()

    def _press_retry(self) -> None:
        buttons = [(post.id, *one) for post in self.posts() for one in post.buttons]
        post_id, action = [(post_id, action) for post_id, action, button in buttons if button.text == "Retry run"][-1]
        self.chat.channel.press(post_id, action.name)


def _words(page: str) -> str:
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page)))
