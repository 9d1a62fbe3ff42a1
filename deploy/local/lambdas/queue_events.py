"""SQS messages as Lambda hands them to a function, and which of them its answer says have failed."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from deploy.local.aws.event_pattern import matches
from deploy.local.templates.definitions import EventSource

Message = Mapping[str, Any]


def batch_event(messages: Sequence[Message], queue_arn: str) -> dict[str, Any]:
    """Return the event for a batch: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event."""
    return {"Records": [_record(message, queue_arn) for message in messages]}


def _record(message: Message, queue_arn: str) -> dict[str, Any]:
    record = {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": dict(message.get("Attributes", {})),
        "messageAttributes": {name: _attribute(value) for name, value in message.get("MessageAttributes", {}).items()},
        "md5OfBody": message["MD5OfBody"],
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": queue_arn.split(":")[3],
    }
    if "MD5OfMessageAttributes" in message:
        record["md5OfMessageAttributes"] = message["MD5OfMessageAttributes"]
    return record


def _attribute(value: Mapping[str, Any]) -> dict[str, Any]:
    named = {name[0].lower() + name[1:]: one for name, one in value.items() if name in ("StringValue", "DataType")}
    return {"stringListValues": [], "binaryListValues": [], **named}


def failed_message_ids(result: Any, message_ids: Sequence[str]) -> set[str]:
    """Return which messages of a batch have failed by a function's `batchItemFailures`; all, if it is malformed.

    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
    """
    if not result:
        return set()
    failures = result.get("batchItemFailures") if isinstance(result, dict) else None
    if failures is None and isinstance(result, dict):
        return set()
    if not isinstance(failures, list):
        return set(message_ids)
    named = {str(one.get("itemIdentifier")) if isinstance(one, dict) else "" for one in failures}
    return named if named <= set(message_ids) else set(message_ids)


def is_wanted(message: Message, source: EventSource) -> bool:
    """Tell whether a message passes one of the source's filters; without filters all do."""
    if not source.filters:
        return True
    try:
        body = json.loads(message["Body"])
    except ValueError:
        body = message["Body"]
    return any(matches(dict(pattern), {"body": body}) for pattern in source.filters)
