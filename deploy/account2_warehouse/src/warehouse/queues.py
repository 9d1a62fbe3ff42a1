"""What the functions tell each other through their queues.

- watch queue: `{"at"}` starts runs that wait, of one data flow if it holds `data_flow_id`, and sees what has become of
  incidents; `{"sweep": true, "at"}` looks for runs whose events never came. AppFlow's events arrive there too.
- refresh queue: `{"report_table", "at"}`.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import uuid4

from warehouse.errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


class WatchQueue:
    """The queue of the watch function."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def start_waiting_runs(self, at: datetime, data_flow_id: str | None = None) -> None:
        """Have pending runs started, of one data flow or of all, as far as they may be at the moment `at`."""
        of_one = {} if data_flow_id is None else {"data_flow_id": data_flow_id}
        with aws_errors("send a message to the watch queue"):
            self._client.send_message(QueueUrl=self._url, MessageBody=json.dumps({**of_one, "at": at.isoformat()}))


class RefreshQueue:
    """The queue of the refresh function: FIFO, one message group for each report table."""

    def __init__(self, client: "SQSClient", url: str) -> None:
        self._client = client
        self._url = url

    def refresh(self, report_table: str, at: datetime) -> None:
        """Have a report table refreshed with what has landed by the moment `at`."""
        self._send(report_table, at, uuid4().hex)  # two alike are two: rows may have landed in between

    def sweep(self, report_table: str, at: datetime) -> None:
        """Do the same, unless it was done in the last five minutes: SQS then drops the second of one id."""
        self._send(report_table, at, f"sweep-{report_table}")

    def _send(self, report_table: str, at: datetime, deduplication_id: str) -> None:
        with aws_errors("send a message to the refresh queue"):
            self._client.send_message(
                QueueUrl=self._url,
                MessageBody=json.dumps({"report_table": report_table, "at": at.isoformat()}),
                MessageGroupId=report_table,
                MessageDeduplicationId=deduplication_id,
            )
