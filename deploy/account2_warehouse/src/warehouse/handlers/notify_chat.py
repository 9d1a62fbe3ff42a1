"""Wakes for incidents: tells the chat channel of each piece of news, once."""

from typing import Any

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel

from dataflows.contracts.incidents import DataFlowIncidentChanged
from message_batches.taking import take_each
from warehouse.chat_notification import chat_notification
from warehouse.config import NotifyConfig
from warehouse.notifying import Channel

logger = Logger(service="notify_chat")


class Envelope(BaseModel):
    """What EventBridge puts around the event; the rule lets nothing else on the queue."""

    detail: DataFlowIncidentChanged


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Tell of the incidents in a batch of messages; those that failed for now are returned for another try."""
    config = NotifyConfig.from_environment()
    channel = Channel(boto3.client("sns"), config.chat_topic_arn, boto3.client("dynamodb"), config.notified_table)

    def tell(message: dict[str, Any]) -> None:
        incident = Envelope.model_validate(message).detail
        channel.publish_once(chat_notification(incident, config.app_url), context)
        ids = incident.model_dump(mode="json", include={"correlation_id", "data_flow_id", "run_id", "incident_id"})
        logger.info("told", extra={**ids, "state": incident.state, "event_id": str(incident.event_id)})

    return take_each(event, context, config.queue_url, tell)
