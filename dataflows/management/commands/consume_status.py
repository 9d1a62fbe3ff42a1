"""Reads the warehouse's answers from their queue, for as long as it runs."""

import logging
import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import close_old_connections

from dataflows.answers import Answer, answer_log_keys, answer_parse, answer_record
from dataflows.contracts.errors import TerminalError
from dataflows.tracing import logged_with

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageTypeDef

logger = logging.getLogger(__name__)

_PAUSE_SECONDS: Final = 2.0


class Command(BaseCommand):
    """Follows registrations and runs; what it can't use is left to the dead-letter queue."""

    help = "Read the warehouse's answers from MYAPP_STATUS_QUEUE_URL until it is stopped."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Poll until SIGTERM or SIGINT, finishing the message in hand."""
        if not settings.STATUS_QUEUE_URL:
            raise CommandError("Set MYAPP_STATUS_QUEUE_URL to the queue of the warehouse's answers.")
        stopping = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        client = boto3.client("sqs")
        while not stopping.is_set():
            _poll(client, stopping)


def _poll(client: "SQSClient", stopping: threading.Event) -> None:
    try:
        answer = client.receive_message(QueueUrl=settings.STATUS_QUEUE_URL, MaxNumberOfMessages=10, WaitTimeSeconds=2)
        for message in answer.get("Messages", ()):
            if _consume(message):
                client.delete_message(QueueUrl=settings.STATUS_QUEUE_URL, ReceiptHandle=message["ReceiptHandle"])
    except (BotoCoreError, ClientError) as error:
        logger.warning("the status queue can't be read, trying again: %s", error)
        stopping.wait(_PAUSE_SECONDS)


def _consume(message: "MessageTypeDef") -> bool:
    """Record one message; False leaves it on the queue, which gives up on it after many tries."""
    close_old_connections()
    with logged_with(message_id=message["MessageId"]):
        try:
            answer = answer_parse(message["Body"])
        except TerminalError as error:
            logger.error("message %s is no use: %s", message["MessageId"], error)  # noqa: TRY400 - told in words
            return False
        with logged_with(**answer_log_keys(answer)):
            return _record(answer, message["MessageId"])


def _record(answer: Answer, message_id: str) -> bool:
    try:
        is_new = answer_record(answer)
    except TerminalError as error:
        logger.error("message %s is no use: %s", message_id, error)  # noqa: TRY400 - told in words
        return False
    except Exception:  # one message must not end what reads all others
        logger.exception("message %s could not be recorded, trying again", message_id)
        return False
    logger.info("%s was %s", type(answer).__name__, "recorded" if is_new else "here already")
    return True
