"""Users, a bus and data flows to work with."""

from typing import Any

import boto3
import pytest
from django.contrib.auth.models import Group, User
from pytest_django.fixtures import Settings

from dataflows.models import DataFlow
from dataflows.outbox import event_bridge
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, aws_client, aws_endpoint, clean_aws
from tests.dataflows.contracts.definitions import register_detail

__all__ = ["aws_endpoint", "clean_aws"]

BUS = "myapp"


@pytest.fixture
def operator(db: None) -> User:
    user = User.objects.create_user("operator")
    user.groups.add(Group.objects.get(name="operator"))
    return user


@pytest.fixture
def bus(clean_aws: str, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> str:
    """The application's bus; all that is put on it can be read from the queue whose URL this is."""
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep the credentials of an earlier test
    event_bridge.cache_clear()
    for name, value in {
        "AWS_ENDPOINT_URL": clean_aws,
        "AWS_ACCESS_KEY_ID": ACCOUNT_1,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_DEFAULT_REGION": REGION_1,
    }.items():
        monkeypatch.setenv(name, value)
    settings.EVENT_BUS_NAME = BUS
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    return create_bus_with_queue()


def create_bus_with_queue() -> str:
    """Create the bus, and a queue that receives everything on it; return the queue's URL."""
    events, sqs = aws_client("events"), aws_client("sqs")
    events.create_event_bus(Name=BUS)
    rule = events.put_rule(Name="all", EventBusName=BUS, EventPattern='{"source": ["myapp.dataflows"]}')
    url: str = sqs.create_queue(QueueName="published")["QueueUrl"]
    arn = f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:published"
    policy = (
        '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"},'
        f' "Action": "sqs:SendMessage", "Resource": "{arn}",'
        f' "Condition": {{"ArnEquals": {{"aws:SourceArn": "{rule["RuleArn"]}"}}}}}}]}}'
    )
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    events.put_targets(Rule="all", EventBusName=BUS, Targets=[{"Id": "queue", "Arn": arn}])
    return url


def unsaved_data_flow(**changes: Any) -> DataFlow:
    """Return a sound data flow that is not registered yet, with these fields changed."""
    detail = register_detail()
    names = ("connector_profile", "reports", "start_date", "lookback_days", "refresh_hour_local", "on_invalid")
    fields = {**detail["property"], **{name: detail[name] for name in names}}
    return DataFlow(**{**fields, **changes})
