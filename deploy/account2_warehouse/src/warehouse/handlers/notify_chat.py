"""Wakes for incidents, outages and answers to Retry: tells the chat channel of each piece of news, once."""

from typing import Any, Final

import boto3
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.typing import LambdaContext
from pydantic import BaseModel, Field

from dataflows.contracts.incidents import DataFlowIncidentChanged, DataFlowRemedyReported, WarehouseOutageChanged
from message_batches.taking import take_each
from warehouse.chat_notification import News, Surroundings, chat_notification
from warehouse.config import NotifyConfig
from warehouse.notifying import Channel

logger = Logger(service="notify_chat")


_TOLD: Final[dict[str, type[News]]] = {
    model.__name__: model for model in (DataFlowIncidentChanged, DataFlowRemedyReported, WarehouseOutageChanged)
}
_LOGGED: Final = {
    "event_id",
    "correlation_id",
    "data_flow_id",
    "run_id",
    "incident_id",
    "outage_id",
    "state",
    "outcome",
}


class Envelope(BaseModel):
    """What EventBridge puts around an event; the rule lets nothing else on the queue."""

    detail_type: str = Field(alias="detail-type")
    detail: dict[str, Any]


def handle(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Tell of the events in a batch of messages; those that failed for now are returned for another try."""
    config = NotifyConfig.from_environment()
    sns = boto3.client("sns")
    channel = Channel(sns, config.chat_topic_arn, boto3.client("dynamodb"), config.notified_table)
    around = Surroundings(config.app_url, sns.meta.region_name, config.retry_function, config.status_function)

    def tell(message: dict[str, Any]) -> None:
        envelope = Envelope.model_validate(message)
        news = _TOLD[envelope.detail_type].model_validate(envelope.detail)
        if notification := chat_notification(news, around):
            channel.publish_once(notification, context)
            logger.info("told", extra=news.model_dump(mode="json", include=_LOGGED))

    return take_each(event, context, config.queue_url, tell)
