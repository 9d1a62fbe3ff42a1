"""EventBridge Scheduler over the wire: what it accepts, what it sends, and when."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.faults import set_faults
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.aws.undelivered import list_undelivered
from deploy.local.clock import EmulatedClock
from deploy.local.scheduler.service import Scheduler
from tests.aws import ACCOUNT_2, REGION_2, aws_client, aws_endpoint, clean_aws, signed_client

__all__ = ["aws_endpoint", "clean_aws"]

NOW = datetime(2026, 11, 20, 9, 10, tzinfo=UTC)
ROLE = f"arn:aws:iam::{ACCOUNT_2}:role/schedules"


@dataclass
class Stage:
    """The scheduler, its clock and a client of it."""

    scheduler: Scheduler
    clock: EmulatedClock
    client: Any

    def advance(self, **length: float) -> None:
        self.clock.set(self.clock.now() + timedelta(**length))
        self.scheduler.tick()

    def create(self, expression: str, name: str = "sweep", **members: Any) -> str:
        return str(self.client.create_schedule(**request(expression, name, **members))["ScheduleArn"])

    def refusal(self, operation: str, **members: Any) -> tuple[str, int, str]:
        with pytest.raises(ClientError) as caught:
            getattr(self.client, operation)(**members)
        answer = caught.value.response
        return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.fixture
def stage(clean_aws: str, tmp_path: Path) -> Iterator[Stage]:
    clock = EmulatedClock(tmp_path / "clock.json")
    clock.set(NOW)
    for queue in ("target", "dead-letters"):
        aws_client("sqs", ACCOUNT_2).create_queue(QueueName=queue)
    make_role("target", "dead-letters")
    scheduler = Scheduler(clock, clean_aws, assume_role_as_service)
    with EndpointServer(create_endpoint([scheduler], clock)) as endpoint:
        client = signed_client("scheduler", REGION_2, ACCOUNT_2, endpoint_url=endpoint.url, parameter_validation=False)
        yield Stage(scheduler, clock, client)
        scheduler.close()


def make_role(*queues: str) -> None:
    trust = {"Effect": "Allow", "Principal": {"Service": "scheduler.amazonaws.com"}, "Action": "sts:AssumeRole"}
    allow = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": [queue_arn(one) for one in queues]}
    iam = aws_client("iam", ACCOUNT_2)
    iam.create_role(RoleName="schedules", AssumeRolePolicyDocument=document(trust))
    iam.put_role_policy(RoleName="schedules", PolicyName="send", PolicyDocument=document(allow))


def document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def queue_arn(name: str) -> str:
    return f"arn:aws:sqs:{REGION_2}:{ACCOUNT_2}:{name}"


def request(expression: str, name: str = "sweep", **members: Any) -> dict[str, Any]:
    target = {"Arn": queue_arn("target"), "RoleArn": ROLE, "Input": '{"at": "<aws.scheduler.scheduled-time>"}'}
    base = {"Name": name, "ScheduleExpression": expression, "FlexibleTimeWindow": {"Mode": "OFF"}, "Target": target}
    return {**base, **members, "Target": {**target, **members.get("Target", {})}}


def received(queue: str = "target") -> list[dict[str, Any]]:
    sqs = aws_client("sqs", ACCOUNT_2)
    url = sqs.get_queue_url(QueueName=queue)["QueueUrl"]
    found: list[dict[str, Any]] = []
    while page := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]).get(
        "Messages"
    ):
        found += page
    return found


def scheduled_times() -> list[str]:
    return [json.loads(one["Body"])["at"] for one in received()]


def test_cron_sends_its_input_with_the_scheduled_time(stage: Stage) -> None:
    stage.create("cron(30 * * * ? *)")
    stage.advance(minutes=19)
    assert scheduled_times() == []
    stage.advance(hours=2)
    assert sorted(scheduled_times()) == ["2026-11-20T09:30:00Z", "2026-11-20T10:30:00Z"]


def test_rate_begins_at_once(stage: Stage) -> None:
    stage.create("rate(15 minutes)")
    stage.advance(minutes=15)
    assert sorted(scheduled_times()) == ["2026-11-20T09:10:00Z", "2026-11-20T09:25:00Z"]


def test_at_fires_once_in_its_time_zone_and_can_go_away(stage: Stage) -> None:
    stage.create("at(2026-11-20T19:00:00)", ScheduleExpressionTimezone="Asia/Tokyo", ActionAfterCompletion="DELETE")
    stage.advance(minutes=30)
    assert len(stage.client.list_schedules()["Schedules"]) == 1
    stage.advance(hours=1)
    assert scheduled_times() == ["2026-11-20T10:00:00Z"]
    assert stage.client.list_schedules()["Schedules"] == []


def test_context_attributes_are_filled_in(stage: Stage) -> None:
    text = "<aws.scheduler.schedule-arn> <aws.scheduler.attempt-number> <aws.scheduler.execution-id>"
    arn = stage.create("rate(1 hour)", Target={"Input": text})
    stage.advance(minutes=1)
    body = received()[0]["Body"]
    assert body.startswith(f"{arn} 1 ")
    assert "<" not in body


def test_disabled_and_deleted_schedules_send_nothing(stage: Stage) -> None:
    stage.create("rate(1 minute)", "disabled", State="DISABLED")
    stage.create("rate(1 minute)", "deleted")
    stage.client.delete_schedule(Name="deleted")
    stage.advance(hours=1)
    assert received() == []


def test_update_replaces_everything(stage: Stage) -> None:
    stage.create("cron(30 * * * ? *)", Description="first")
    stage.client.update_schedule(**request("cron(0 12 * * ? *)"))
    described = stage.client.get_schedule(Name="sweep")
    assert described["ScheduleExpression"] == "cron(0 12 * * ? *)"
    assert "Description" not in described
    stage.advance(hours=4)
    assert scheduled_times() == ["2026-11-20T12:00:00Z"]


def test_schedule_keeps_between_its_dates(stage: Stage) -> None:
    stage.create("rate(1 hour)", StartDate=NOW + timedelta(hours=2), EndDate=NOW + timedelta(hours=3, minutes=1))
    stage.advance(days=1)
    assert sorted(scheduled_times()) == ["2026-11-20T11:10:00Z", "2026-11-20T12:10:00Z"]


def test_what_cannot_be_sent_goes_to_the_dead_letter_queue(stage: Stage) -> None:
    stage.create("rate(1 hour)", Target={"DeadLetterConfig": {"Arn": queue_arn("dead-letters")}})
    sqs = aws_client("sqs", ACCOUNT_2)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName="target")["QueueUrl"])
    stage.advance(minutes=1)
    message = received("dead-letters")[0]
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == queue_arn("target")
    assert "NonExistentQueue" in message["MessageAttributes"]["ERROR_CODE"]["StringValue"]


def test_role_must_allow_the_message(stage: Stage) -> None:
    aws_client("iam", ACCOUNT_2).delete_role_policy(RoleName="schedules", PolicyName="send")
    arn = stage.create("rate(1 hour)")
    stage.advance(minutes=1)
    assert received() == []
    assert [(one["source_arn"], one["error_code"]) for one in list_undelivered()] == [(arn, "AccessDeniedException")]


def test_role_must_trust_the_scheduler(stage: Stage) -> None:
    other = {"RoleArn": f"arn:aws:iam::{ACCOUNT_2}:role/missing"}
    code, _, message = stage.refusal("create_schedule", **request("rate(1 hour)", Target=other))
    assert code == "ValidationException"
    assert "assume the role" in message


def test_schedules_that_are_refused(stage: Stage) -> None:
    cases: list[tuple[dict[str, Any], str]] = [
        ({"Name": "a b"}, "Name"),
        ({"ScheduleExpression": "rate(1 hours)"}, "rate(1 hours)"),
        ({"ScheduleExpression": "every day"}, "every day"),
        ({"ScheduleExpressionTimezone": "Mars/Base"}, "timezone"),
        ({"FlexibleTimeWindow": {"Mode": "SOMETIMES"}}, "FlexibleTimeWindow.Mode"),
        ({"Target": {"Arn": queue_arn("target.fifo")}}, "MessageGroupId"),
        ({"Target": {"RoleArn": "role"}}, "Target.RoleArn"),
        ({"Target": {"RetryPolicy": {"MaximumRetryAttempts": 186}}}, "MaximumRetryAttempts"),
        ({"StartDate": NOW, "EndDate": NOW}, "StartDate"),
    ]
    for members, words in cases:
        expression = members.pop("ScheduleExpression", "rate(1 hour)")
        name = members.pop("Name", "sweep")
        code, status, message = stage.refusal("create_schedule", **request(expression, name, **members))
        assert (code, status) == ("ValidationException", 400), words
        assert words in message
    missing_group = request("rate(1 hour)", GroupName="missing")
    assert stage.refusal("create_schedule", **missing_group)[0] == "ResourceNotFoundException"


def test_name_and_token_are_taken_once(stage: Stage) -> None:
    first = stage.create("rate(1 hour)", ClientToken="token")
    assert stage.create("rate(1 hour)", ClientToken="token") == first
    assert stage.refusal("create_schedule", **request("rate(1 hour)"))[0] == "ConflictException"
    changed = request("rate(2 hours)", ClientToken="token")
    assert stage.refusal("create_schedule", **changed)[:2] == ("ConflictException", 409)


def test_groups_hold_schedules_of_the_same_name(stage: Stage) -> None:
    stage.client.create_schedule_group(Name="nightly")
    stage.create("rate(1 hour)")
    stage.create("rate(1 hour)", GroupName="nightly")
    listed = stage.client.list_schedules(GroupName="nightly", MaxResults=1)["Schedules"]
    assert [one["GroupName"] for one in listed] == ["nightly"]
    stage.client.delete_schedule_group(Name="nightly")
    assert [one["GroupName"] for one in stage.client.list_schedules()["Schedules"]] == ["default"]
    assert stage.refusal("get_schedule", Name="sweep", GroupName="nightly")[1] == 404


def test_event_bus_target_receives_an_event_at_the_second_attempt(stage: Stage) -> None:
    bus = f"arn:aws:events:{REGION_2}:{ACCOUNT_2}:event-bus/default"
    allow = {"Effect": "Allow", "Action": "events:PutEvents", "Resource": bus}
    aws_client("iam", ACCOUNT_2).put_role_policy(RoleName="schedules", PolicyName="put", PolicyDocument=document(allow))
    catch_events()
    # The first attempt is refused for now: the second one comes two seconds later.
    set_faults({"throttle": 1})
    parameters = {"Source": "myapp.clock", "DetailType": "Tick"}
    text = '{"attempt": "<aws.scheduler.attempt-number>"}'
    stage.create("rate(1 hour)", Target={"Arn": bus, "EventBridgeParameters": parameters, "Input": text})
    stage.advance(seconds=1)
    assert received() == []
    stage.advance(seconds=2)
    event = json.loads(received()[0]["Body"])
    assert (event["source"], event["detail"]) == ("myapp.clock", {"attempt": "2"})


def catch_events() -> None:
    events, sqs = aws_client("events", ACCOUNT_2), aws_client("sqs", ACCOUNT_2)
    events.put_rule(Name="all", EventPattern=json.dumps({"source": ["myapp.clock"]}))
    events.put_targets(Rule="all", Targets=[{"Id": "queue", "Arn": queue_arn("target")}])
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "events.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn("target"),
    }
    url = sqs.get_queue_url(QueueName="target")["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(statement)})
