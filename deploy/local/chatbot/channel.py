"""A channel: hears its topics, keeps its threads, and runs what is pressed."""

import concurrent.futures
import json
import logging
import threading
import uuid
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import BotoCoreError, ClientError

from deploy.local.chatbot.commands import CommandError, LambdaInvoke, button_values, read_command, shown_buttons
from deploy.local.chatbot.notification import Notification, NotShownError, read_notification
from deploy.local.chatbot.permissions import NotAllowedError, check_allowed
from deploy.local.lambdas.runner import Runner
from deploy.local.templates.account import Account
from deploy.local.templates.definitions import ChatAction, ChatButton, ChatChannel

logger = logging.getLogger(__name__)

COMMAND_SECONDS: Final = 15.0  # the service waits no longer for a command
_WAIT_SECONDS: Final = 1
_MOST_KEPT: Final = 200


@dataclass(frozen=True)
class Post:
    """One message in the channel; without a notification it is an answer to a button."""

    id: str
    at: datetime
    thread_id: str
    notification: Notification
    buttons: tuple[tuple[ChatAction, ChatButton], ...] = ()


@dataclass(frozen=True)
class Dropped:
    """A message that would not have been shown, and why."""

    at: datetime
    reason: str
    message: str


@dataclass
class Channel:
    """What is in a channel; in memory only."""

    definition: ChatChannel
    runner: Runner
    endpoint_url: str
    command_seconds: float = COMMAND_SECONDS
    posts: list[Post] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._hear, name=f"chat {self.definition.name}", daemon=True)

    def start(self) -> None:
        """Subscribe to the channel's topics and begin to hear them."""
        region = self.definition.topic_arns[0].split(":")[3]
        self._account = Account(self.definition.account_id, region)
        self._sqs = self._account.client("sqs", self.endpoint_url)
        self._queue_url = self._sqs.create_queue(QueueName=f"local-chat-{self.definition.name}")["QueueUrl"]
        arn = f"arn:aws:sqs:{region}:{self.definition.account_id}:local-chat-{self.definition.name}"
        sns = self._account.client("sns", self.endpoint_url)
        for topic_arn in self.definition.topic_arns:
            sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)
        self._thread.start()

    def stop(self) -> None:
        """Hear nothing more."""
        self._stopping.set()
        self._thread.join()

    def take(self, message: str) -> None:
        """Show a message that came on a topic, or keep why it is not shown."""
        try:
            notification = read_notification(message)
        except NotShownError as error:
            logger.warning("The chat service would drop a message: %s", error)
            self.dropped = [*self.dropped, Dropped(datetime.now(UTC), str(error), message)][-_MOST_KEPT:]
            return
        buttons = tuple(shown_buttons(self.definition.actions, notification))
        self._post(notification, notification.thread_id or uuid.uuid4().hex, buttons)

    def press(self, post_id: str, action_name: str) -> None:
        """Run the action of a button below a post; its answer follows in the thread. Raises KeyError for none."""
        post = next((one for one in self.posts if one.id == post_id), None)
        found = [(action, button) for action, button in post.buttons if action.name == action_name] if post else []
        if post is None or not found:
            raise KeyError(f"{action_name} is no button of {post_id}.")
        (action, button) = found[0]
        try:
            command = read_command(action.command, button_values(button, post.notification))
            answer = self._run(command)
        except (CommandError, NotAllowedError) as error:
            answer = f":x: {error}"
        self._post(Notification("Answer", f"{button.text}", answer), post.thread_id)

    def _run(self, command: LambdaInvoke) -> str:
        arn = f"arn:aws:lambda:{command.region}:{self.definition.account_id}:function:{command.function_name}"
        check_allowed(self.definition, "lambda:InvokeFunction", arn, self._account, self.endpoint_url)
        try:
            if command.is_async:
                request_id = self.runner.invoke_async(arn, command.payload)
                return f"StatusCode 202: {command.function_name} works on it (request {request_id})"
            return self._answer(arn, command)
        except KeyError as error:
            raise CommandError(f"There is no function {command.function_name}.") from error

    def _answer(self, arn: str, command: LambdaInvoke) -> str:
        """Wait for a function as long as the service would; it goes on alone after that."""
        pool = concurrent.futures.ThreadPoolExecutor(1, thread_name_prefix="chat command")
        waiting = pool.submit(self.runner.invoke, arn, command.payload)
        pool.shutdown(wait=False)
        try:
            invocation = waiting.result(self.command_seconds)
        except concurrent.futures.TimeoutError as error:
            raise CommandError(f"The command took longer than {self.command_seconds:.0f} seconds.") from error
        if invocation.error:
            raise CommandError(f"{command.function_name} failed: {invocation.error}")
        return invocation.result if isinstance(invocation.result, str) else json.dumps(invocation.result, indent=2)

    def _post(
        self, notification: Notification, thread_id: str, buttons: tuple[tuple[ChatAction, ChatButton], ...] = ()
    ) -> None:
        post = Post(uuid.uuid4().hex, datetime.now(UTC), thread_id, replace(notification), buttons)
        self.posts = [*self.posts, post][-_MOST_KEPT:]

    def _hear(self) -> None:
        while not self._stopping.is_set():
            try:
                for message in self._received():
                    self.take(json.loads(message["Body"])["Message"])
                    self._sqs.delete_message(QueueUrl=self._queue_url, ReceiptHandle=message["ReceiptHandle"])
            except (BotoCoreError, ClientError):
                if not self._stopping.wait(_WAIT_SECONDS):
                    logger.exception("Cannot hear the topics of %s; trying again.", self.definition.name)

    def _received(self) -> list[dict[str, Any]]:
        answer = self._sqs.receive_message(
            QueueUrl=self._queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=_WAIT_SECONDS
        )
        found: list[dict[str, Any]] = answer.get("Messages", [])
        return found
