"""For how long messages that are given back stay away: seconds at first, then longer each time.

Left alone they would come again when their queue's visibility timeout ends, six times the function's own:
after half an hour, or one and a half.

The waits are 10 s, 20 s, 40 s and so on, at most 600 s, each less up to a fifth at random. The queues give a
message up when it would be received for the fifteenth time (maxReceiveCount 14): before the fourteenth lie
13 waits, 10 + 20 + 40 + 80 + 160 + 320 + 7 × 600 = 4,830 s, at least four fifths of that, 64 minutes. So an
hour without a database sends nothing to the dead letters, and what never works rings after an hour and a half.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

import boto3
from aws_lambda_powertools import Logger
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef as Entry

logger = Logger(child=True)

FIRST_WAIT_SECONDS: Final = 10
LONGEST_WAIT_SECONDS: Final = 600  # less than any queue's visibility timeout
SHORTEST_SHARE: Final = 0.8  # what failed together does not come back together

_MOST_ENTRIES: Final = 10  # of one call
_QUICK: Final = Config(connect_timeout=2, read_timeout=5, retries={"total_max_attempts": 2})


def come_again_soon(queue_url: str, records: Sequence[Mapping[str, Any]]) -> None:
    """Have records of a batch, as Lambda hands them over, delivered again after their wait.

    What can't be arranged is logged, and comes when the queue's visibility timeout ends. Nothing is raised:
    without the batch's answer, what is done already would be done again.
    """
    try:
        entries = list(_entries(records))
        for start in range(0, len(entries), _MOST_ENTRIES):
            _set_waits(queue_url, entries[start : start + _MOST_ENTRIES])
    except Exception:
        logger.exception("some come again only when the queue's visibility timeout ends")


def wait_seconds(receive_count: int, share: float) -> int:
    """Return for how long a message stays away after so many receipts; `share` of the full wait, at most 1."""
    doubled = FIRST_WAIT_SECONDS * 2.0 ** min(receive_count - 1, 10)
    return round(min(doubled, LONGEST_WAIT_SECONDS) * share)


def _entries(records: Sequence[Mapping[str, Any]]) -> Iterator["Entry"]:
    """Messages of one FIFO group get one wait, that of the first: they come together, in their order."""
    waits: dict[str, int] = {}
    for record in records:
        attributes = record["attributes"]
        share = random.uniform(SHORTEST_SHARE, 1)  # noqa: S311 - spreads retries, guards nothing
        seconds = wait_seconds(int(attributes["ApproximateReceiveCount"]), share)
        group = attributes.get("MessageGroupId", record["messageId"])
        yield {
            "Id": record["messageId"],
            "ReceiptHandle": record["receiptHandle"],
            "VisibilityTimeout": waits.setdefault(group, seconds),
        }


def _set_waits(queue_url: str, entries: Sequence["Entry"]) -> None:
    client = boto3.client("sqs", config=_QUICK)
    answer = client.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
    for failure in answer.get("Failed", ()):
        logger.warning("comes again only when the queue's visibility timeout ends", extra={"failure": failure})
    waits = {entry["Id"]: entry["VisibilityTimeout"] for entry in entries}
    logger.info("given back", extra={"wait_seconds": waits})
