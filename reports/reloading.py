"""Hands an unload in quarantine to the loader once more, when an operator asks for it."""

import json
from datetime import timedelta
from typing import Final
from urllib.parse import quote_plus

import boto3
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.db.models import Q
from django.utils import timezone

from dataflows.contracts.errors import TransientError
from reports.models import Quarantine

_ASK_AGAIN_AFTER: Final = timedelta(minutes=10)


def quarantine_load_again(quarantine: Quarantine) -> bool:
    """Put the unload's manifest on the loader's queue, as S3 does when it is written.

    Returns False, and sends nothing, when it is loaded already or was asked for in the last ten minutes and
    has not failed since. Raises TransientError when the queue can't be reached; nothing is asked for then.
    """
    now = timezone.now()
    is_due = Q(sent_again_at=None) | Q(sent_again_at__lt=now - _ASK_AGAIN_AFTER)
    # One statement claims it: pressed twice, by one or by two, it is sent once.
    mine = Quarantine.objects.filter(is_due, pk=quarantine.pk, resolved_at=None)
    if not mine.update(sent_again_at=now):
        return False
    try:
        _send(quarantine)
    except (BotoCoreError, ClientError) as error:
        Quarantine.objects.filter(pk=quarantine.pk, sent_again_at=now).update(sent_again_at=None)
        raise TransientError(f"The loader's queue could not be reached: {error}") from error
    return True


def _send(quarantine: Quarantine) -> None:
    place = {"bucket": {"name": quarantine.bucket}, "object": {"key": quote_plus(quarantine.manifest_key)}}
    body = json.dumps({"Records": [{"eventSource": "myapp.reports", "s3": place}]})
    boto3.client("sqs").send_message(QueueUrl=settings.UPSERT_QUEUE_URL, MessageBody=body)
