"""Batches of queue messages: each handed on by itself, what fails for now given back and logged."""

from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    SqsFifoPartialProcessor,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(child=True)


def take_each(
    event: dict[str, Any], context: LambdaContext, take: Callable[[dict[str, Any]], None], *, is_ordered: bool = False
) -> PartialItemFailureResponse:
    """Hand each message's JSON body to `take`; return which failed, for the queue to deliver again.

    `is_ordered` is for FIFO queues: what comes after a failure is not tried.
    """
    processor: BatchProcessor = SqsFifoPartialProcessor() if is_ordered else BatchProcessor(event_type=EventType.SQS)
    processor.raise_on_entire_batch_failure = False

    def take_record(record: SQSRecord) -> None:
        try:
            take(record.json_body)
        except Exception:
            logger.exception("failed, is tried again", extra={"message_id": record.message_id})
            raise

    return process_partial_response(event=event, record_handler=take_record, processor=processor, context=context)
