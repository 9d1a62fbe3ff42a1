"""Publishes a message for the chat channel once, however often its event comes.

Queue and topic deliver at least once, and the channel would show each copy. What has been told is remembered in a
DynamoDB table under the event's id: begun before it is published, done after. A function that dies in between
leaves it begun; once its time has passed, the message is published again: twice is possible, never is not.
"""

from typing import TYPE_CHECKING, Final

from aws_lambda_powertools.utilities.idempotency import (
    DynamoDBPersistenceLayer,
    IdempotencyConfig,
    idempotent_function,
)
from aws_lambda_powertools.utilities.idempotency.exceptions import IdempotencyAlreadyInProgressError
from aws_lambda_powertools.utilities.typing import LambdaContext

from message_batches.taking import ComeAgainError
from warehouse.chat_notification import ChatNotification
from warehouse.errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sns import SNSClient

# As long as a message may come again: 14 days in the queue, and 14 more among its dead letters.
_REMEMBERED_SECONDS: Final = 30 * 24 * 3600


class Channel:
    """The topic that a chat channel hears, and what has been published there."""

    def __init__(self, sns: "SNSClient", topic_arn: str, dynamodb: "DynamoDBClient", table_name: str) -> None:
        self._sns = sns
        self._topic_arn = topic_arn
        self._told = DynamoDBPersistenceLayer(table_name, boto3_client=dynamodb)

    def publish_once(self, notification: ChatNotification, context: LambdaContext) -> None:
        """Publish a message, unless one of its id was.

        Raises ComeAgainError while another function does, which may die at it; TransientError and powertools'
        IdempotencyPersistenceLayerError when topic or table can't be reached: come again then.
        """

        def publish(*, notification_id: str) -> None:
            with aws_errors(f"publish the message {notification_id}"):
                self._sns.publish(TopicArn=self._topic_arn, Message=notification.model_dump_json())

        config = IdempotencyConfig(expires_after_seconds=_REMEMBERED_SECONDS, lambda_context=context)
        once = idempotent_function(
            publish,
            data_keyword_argument="notification_id",
            persistence_store=self._told,
            config=config,
            key_prefix="chat",
        )
        try:
            once(notification_id=notification.id)
        except IdempotencyAlreadyInProgressError as error:
            raise ComeAgainError(f"another function is telling the same news: {notification.id}") from error
