"""The refresh function: a message in, rows in Account 1's bucket and answers on the bus out."""

import json
from dataclasses import dataclass
from typing import Any

import boto3
import pytest

from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_client
from tests.warehouse.refresh_fixtures import (
    AT,
    BUCKET,
    DATABASE,
    REFRESH_ROLE,
    ROLE_CHAIN,
    UNLOAD_CALLER_ROLE,
    WORKGROUP,
    Scene,
    data_api_endpoint,
    day,
    event_row,
    scene_fixture,
    totals,
)
from warehouse.handlers.refresh_reports import handle

__all__ = ["scene_fixture"]
BUS = "warehouse"


@dataclass
class Function:
    """The function's context, and the queues it sends to."""

    watch_queue_url: str
    refresh_queue_url: str
    answers_queue_url: str
    function_name: str = "refresh"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn"
    aws_request_id: str = "request"

    def woken_by(self, body: object) -> Any:
        """Run the function on one message of the refresh queue."""
        attributes = {"MessageGroupId": "g", "ApproximateReceiveCount": "1"}
        record = {"messageId": "m", "receiptHandle": "m", "body": json.dumps(body), "attributes": attributes}
        return handle({"Records": [{**record, "eventSource": "aws:sqs"}]}, self)  # type: ignore[arg-type]

    def messages(self, queue_url: str) -> list[Any]:
        """Take what a queue holds."""
        got = aws_client("sqs", ACCOUNT_2).receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10)
        return [json.loads(message["Body"]) for message in got.get("Messages", [])]

    def answers(self) -> list[str]:
        """Take the statuses that were answered, in order of their names."""
        return sorted(message["detail"]["status"] for message in self.messages(self.answers_queue_url))


@pytest.fixture
def function(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Function:
    sqs = aws_client("sqs", ACCOUNT_2)
    fifo = {"FifoQueue": "true"}
    made = Function(
        sqs.create_queue(QueueName="watch")["QueueUrl"],
        sqs.create_queue(QueueName="refresh.fifo", Attributes=fifo)["QueueUrl"],
        sqs.create_queue(QueueName="answers")["QueueUrl"],
    )
    _deliver_answers(made.answers_queue_url)
    role = aws_client("sts", ACCOUNT_2).assume_role(RoleArn=REFRESH_ROLE, RoleSessionName="function")["Credentials"]
    environment = {
        "AWS_ENDPOINT_URL": data_api_endpoint(),
        "AWS_ACCESS_KEY_ID": role["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": role["SecretAccessKey"],
        "AWS_SESSION_TOKEN": role["SessionToken"],
        "AWS_REGION": REGION_2,
        "AWS_DEFAULT_REGION": REGION_2,
        "WAREHOUSE_BUS_NAME": BUS,
        "WORKGROUP_NAME": WORKGROUP,
        "CLUSTER_IDENTIFIER": "",
        "DATABASE_NAME": DATABASE,
        "UNLOAD_CALLER_ROLE_ARN": UNLOAD_CALLER_ROLE,
        "UNLOAD_ROLE_CHAIN": ROLE_CHAIN,
        "UNLOAD_BUCKET": BUCKET,
        "UNLOAD_BUCKET_REGION": REGION_1,
        "WATCH_QUEUE_URL": made.watch_queue_url,
        "QUEUE_URL": made.refresh_queue_url,
    }
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # a new function, with credentials of its own
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return made


def _deliver_answers(queue_url: str) -> None:
    events = aws_client("events", ACCOUNT_2)
    events.create_event_bus(Name=BUS)
    events.put_rule(Name="answers", EventBusName=BUS, EventPattern=json.dumps({"source": ["myapp.warehouse"]}))
    arn = f"arn:aws:sqs:{REGION_2}:{ACCOUNT_2}:answers"
    events.put_targets(Rule="answers", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
    allowed = {"Effect": "Allow", "Principal": "*", "Action": "sqs:SendMessage", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    aws_client("sqs", ACCOUNT_2).set_queue_attributes(QueueUrl=queue_url, Attributes={"Policy": policy})


def test_a_delivered_run_is_refreshed_unloaded_and_answered(scene: Scene, function: Function) -> None:
    scene.deliver("daily_totals", [totals(day(0), 3)], day(0))
    answer = function.woken_by({"report_table": "daily_totals", "at": AT.isoformat()})
    assert answer == {"batchItemFailures": []}
    assert len(scene.manifests("control")) == 1
    assert function.answers() == ["refreshed", "unloaded"]
    dependents = [message["report_table"] for message in function.messages(function.refresh_queue_url)]
    assert sorted(dependents) == ["devices", "events", "pages", "traffic_acquisition"]


def test_next_run_of_the_report_may_start_once_its_landing_table_is_empty(scene: Scene, function: Function) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    function.woken_by({"report_table": "events", "at": AT.isoformat()})
    assert function.messages(function.watch_queue_url) == [{"at": AT.isoformat()}]


def test_new_runs_are_asked_to_be_started(scene: Scene, function: Function) -> None:
    for _ in range(2):
        scene.deliver("events", [event_row(day(0), "a")], day(0))
    function.woken_by({"report_table": "events", "at": AT.isoformat()})
    assert function.messages(function.watch_queue_url) == [{"at": AT.isoformat()}]
    assert function.answers() == ["failed", "failed"]


def test_a_refusal_is_answered_and_the_message_is_done(scene: Scene, function: Function) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    aws_client("iam", ACCOUNT_1).delete_role(RoleName="unload")
    assert function.woken_by({"report_table": "events", "at": AT.isoformat()}) == {"batchItemFailures": []}
    assert function.answers() == ["failed", "refreshed"]


@pytest.mark.parametrize(
    "body", [{}, {"report_table": "nothing", "at": AT.isoformat()}, {"report_table": "events", "at": "x"}]
)
def test_a_message_nobody_understands_goes_back_to_the_queue(scene: Scene, function: Function, body: object) -> None:
    assert function.woken_by(body) == {"batchItemFailures": [{"itemIdentifier": "m"}]}
