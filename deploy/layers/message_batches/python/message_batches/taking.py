"""Takes a batch of queue messages, each by itself: what fails for now is given back, logged, and comes again soon."""

from collections.abc import Callable
from functools import partial
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

from message_batches.metrics import count
from message_batches.waiting import come_again_soon

logger = Logger(child=True)


class ComeAgainError(Exception):
    """A message can't be taken just now, and nothing is wrong: it is given back, which the log tells in passing."""


def take_each(
    event: dict[str, Any], context: LambdaContext, queue_url: str, take: Callable[[dict[str, Any]], None]
) -> PartialItemFailureResponse:
    """Hand each message's JSON body to `take`; return which failed, for their queue to deliver again.

    In a FIFO queue, what comes after a failure in its group is not tried and is returned with it.
    """
    handler = partial(_take_record, take)
    answer = process_partial_response(event, handler, _processor(queue_url), context)
    given_back = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
    count("MessagesGivenBack", len(given_back))
    come_again_soon(queue_url, [record for record in event["Records"] if record["messageId"] in given_back])
    return answer


def _processor(queue_url: str) -> BatchProcessor:
    is_fifo = queue_url.endswith(".fifo")
    processor = SqsFifoPartialProcessor(skip_group_on_error=True) if is_fifo else BatchProcessor(EventType.SQS)
    processor.raise_on_entire_batch_failure = False
    return processor


def _take_record(take: Callable[[dict[str, Any]], None], record: SQSRecord) -> None:
    try:
        take(record.json_body)
    except ComeAgainError as error:
        logger.info("comes again", extra={"message_id": record.message_id, "why": str(error)})
        raise
    except Exception:  # the processor gives the message back without a word
        logger.exception("failed, is tried again", extra={"message_id": record.message_id})
        raise
