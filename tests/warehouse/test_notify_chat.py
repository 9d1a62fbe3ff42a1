"""What the channel's topic gets, through the stack of the template: rule, queue, function, topic."""

import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest

from dataflows.contracts.incidents import DataFlowIncidentChanged
from tests.aws import ACCOUNT_2, REGION_2
from tests.queues import QueueTime, queue_time
from tests.warehouse.account import Account2
from tests.warehouse.incidents import incident
from tests.warehouse.interruption import meanwhile
from tests.warehouse.requests import AT, envelope
from tests.warehouse.services import PREFIX

__all__ = ["queue_time"]

HEARD = "heard"


@pytest.fixture
def topic(account: Account2) -> Iterator[str]:
    """The topic, with a queue that hears it."""
    sqs, sns = account.client("sqs"), account.client("sns")
    sqs.create_queue(QueueName=HEARD)
    arn = account.deployment.outputs["ChatTopicArn"]
    queue_arn = f"arn:aws:sqs:{REGION_2}:{ACCOUNT_2}:{HEARD}"
    subscription = sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue_arn)["SubscriptionArn"]
    yield arn
    sns.unsubscribe(SubscriptionArn=subscription)
    sqs.delete_queue(QueueUrl=sqs.get_queue_url(QueueName=HEARD)["QueueUrl"])


def heard(account: Account2) -> list[dict[str, Any]]:
    """Return what the topic got since the last call."""
    return [json.loads(body["Message"]) for body in account._take(HEARD)]


def told(event: DataFlowIncidentChanged) -> dict[str, Any]:
    """Return an incident as its rule hands it on."""
    body = envelope(type(event).__name__, event.model_dump(mode="json"), AT, "myapp.warehouse")
    return {**body, "account": ACCOUNT_2, "region": REGION_2}


def test_an_incident_put_on_the_bus_is_heard_by_the_channel(account: Account2, topic: str) -> None:
    event = incident()
    entry = {
        "Source": "myapp.warehouse",
        "DetailType": "DataFlowIncidentChanged",
        "Detail": event.model_dump_json(),
        "EventBusName": account.deployment.outputs["WarehouseBusName"],
    }
    account.client("events").put_events(Entries=[entry])

    assert len(account.hand_over("NotifyQueueUrl", "notify_chat")) == 1

    (message,) = heard(account)
    assert message["metadata"]["threadId"] == str(event.incident_id)
    assert message["metadata"]["additionalContext"]["run_id"] == event.run_id


def test_the_same_news_is_told_once_however_often_it_comes(account: Account2, topic: str) -> None:
    event = incident()

    assert account.call("notify_chat", told(event), told(event)) == []
    assert account.call("notify_chat", told(event)) == []
    assert account.call("notify_chat", told(incident(incident_id=event.incident_id, state="resolved"))) == []

    assert len(heard(account)) == 2


def test_news_that_another_function_is_just_telling_comes_again_and_is_no_error(
    account: Account2, topic: str, caplog: pytest.LogCaptureFixture
) -> None:
    event, given_back = told(incident()), []

    with meanwhile("Action=Publish", lambda: given_back.extend(account.call("notify_chat", event))):
        assert account.call("notify_chat", event) == []

    assert given_back == ["0"]
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []
    assert account.call("notify_chat", event) == []
    assert len(heard(account)) == 1


def test_what_is_no_incident_is_given_back_and_the_others_are_told(
    account: Account2, topic: str, queue_time: QueueTime
) -> None:
    unknown = {**told(incident()), "detail": {**incident().model_dump(mode="json"), "schema_version": 2}}
    queue = account.queue("NotifyQueueUrl")
    queue.send(json.dumps(unknown), json.dumps(told(incident())))

    account.hand_over("NotifyQueueUrl", "notify_chat")

    assert (len(heard(account)), queue.left()) == (1, 1)
    for wait_seconds in (10, 20, 40, 80, 160, 320, *([600] * 8)):
        queue_time.let_pass(wait_seconds + 1)
        account.hand_over("NotifyQueueUrl", "notify_chat")
    assert queue.left() == 0
    assert account._take(f"{PREFIX}-notify-dead-letters") == [unknown]


def test_news_comes_again_when_the_topic_did_not_take_it(account: Account2, topic: str) -> None:
    event = incident()
    function = next(one for one in account.deployment.functions if one.handler.endswith("notify_chat.handle"))
    settings = function.environment
    assert isinstance(settings, dict)
    settings["CHAT_TOPIC_ARN"] = f"{topic}-gone"
    try:
        assert account.call("notify_chat", told(event)) == ["0"]
    finally:
        settings["CHAT_TOPIC_ARN"] = topic

    assert account.call("notify_chat", told(event)) == []

    assert len(heard(account)) == 1
