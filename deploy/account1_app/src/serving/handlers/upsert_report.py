"""Wakes when the warehouse has written control rows: loads the unload they announce."""

from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import unquote_plus

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext

from message_batches.metrics import count, lag_since
from message_batches.taking import take_each
from serving.config import Config
from serving.errors import QuarantineError
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report

logger = Logger(service="upsert_report")


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Load each unload in a batch of S3 notifications; those that failed for now are returned for another try."""
    config = Config.from_environment()
    bucket = UnloadBucket.of(boto3.client("s3"), config)
    logger.append_keys(station="upsert")
    return take_each(event, context, config.queue_url, partial(_load_each, config, bucket))


def _load_each(config: Config, bucket: UnloadBucket, notification: dict[str, Any]) -> None:
    for created in notification.get("Records", ()):  # S3's test event has none
        _load(config, bucket, created)


def _load(config: Config, bucket: UnloadBucket, created: dict[str, Any]) -> None:
    with suppress(QuarantineError):  # it is recorded and logged: another try would come to the same
        count("RowsLoaded", upsert_report(config, bucket, unquote_plus(created["s3"]["object"]["key"])))
    if "eventTime" in created:  # "Load again" sends a notification without
        lag_since("LoadLagSeconds", datetime.fromisoformat(created["eventTime"]))
