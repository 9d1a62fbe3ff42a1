import json
from datetime import UTC, datetime
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from deploy.local.aws.eventbridge import publish_service_event
from deploy.local.clock import EmulatedClock
from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_client
from tests.deploy.local.aws.buses import (
    APP_BUS,
    FORWARD_RULE,
    FORWARDER,
    WAREHOUSE_BUS,
    admit_to_warehouse,
    bodies,
    entry,
    make_bus,
    make_forwarder,
    make_queue,
    make_rule,
    policy,
    put,
    received,
)

FORWARD = {"Arn": WAREHOUSE_BUS, "RoleArn": FORWARDER}


@pytest.fixture
def app_bus(clean_aws: str) -> str:
    make_bus(APP_BUS)
    return clean_aws


@pytest.fixture
def warehouse_queue(app_bus: str) -> str:
    """The queue behind the warehouse's bus, with nothing yet between the two buses."""
    make_bus(WAREHOUSE_BUS)
    queue = make_queue("registrations", ACCOUNT_2)
    make_rule(WAREHOUSE_BUS, {"Arn": queue}, name="register")
    return queue


def undelivered(url: str) -> Any:
    return requests.get(f"{url}/_local/undelivered", timeout=5).json()


def codes(url: str) -> list[str]:
    return [one["error_code"] for one in undelivered(url)]


def test_an_event_forwarded_to_another_account_and_region_stays_the_same(app_bus: str, warehouse_queue: str) -> None:
    make_forwarder()
    admit_to_warehouse()
    make_rule(APP_BUS, FORWARD)
    at = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    answer = put(entry(Time=at, Resources=["arn:aws:s3:::a"]))
    (event,) = bodies(warehouse_queue)
    assert (event["id"], event["account"], event["region"]) == (answer["Entries"][0]["EventId"], ACCOUNT_1, REGION_1)
    assert (event["time"], event["resources"]) == ("2026-01-02T03:04:05Z", ["arn:aws:s3:::a"])


STRICT = {
    "Null": {"events:source": "false", "aws:SourceArn": "false"},
    "ForAllValues:StringEquals": {"events:source": "myapp.dataflows", "events:detail-type": ["RegisterDataFlow"]},
    "ArnEquals": {"aws:SourceArn": FORWARD_RULE},
}


def test_a_strict_bus_policy_admits_only_the_rule_and_event_it_names(app_bus: str, warehouse_queue: str) -> None:
    make_forwarder()
    admit_to_warehouse(Condition=STRICT)
    make_rule(APP_BUS, FORWARD)
    make_rule(APP_BUS, FORWARD, name="another")
    put(entry(), entry(DetailType="RunDataFlow"))
    assert [event["detail-type"] for event in bodies(warehouse_queue)] == ["RegisterDataFlow"]
    assert codes(app_bus) == ["NO_PERMISSIONS"] * 3


def test_another_accounts_bus_without_a_policy_admits_nothing(app_bus: str, warehouse_queue: str) -> None:
    make_forwarder()
    make_rule(APP_BUS, FORWARD)
    assert put()["FailedEntryCount"] == 0
    assert bodies(warehouse_queue) == []
    assert codes(app_bus) == ["NO_PERMISSIONS"]


@pytest.mark.parametrize("wrong", [{"service": "lambda.amazonaws.com"}, {"resource": WAREHOUSE_BUS + "2"}])
def test_forwarding_needs_a_role_that_trusts_eventbridge_and_may_put_events(
    app_bus: str, warehouse_queue: str, wrong: dict[str, Any]
) -> None:
    make_forwarder(**wrong)
    admit_to_warehouse()
    make_rule(APP_BUS, FORWARD)
    put()
    assert bodies(warehouse_queue) == []
    assert codes(app_bus) == ["NO_PERMISSIONS"]


def test_forwarding_needs_a_role_of_the_rules_own_account(app_bus: str, warehouse_queue: str) -> None:
    admit_to_warehouse()
    make_rule(APP_BUS, FORWARD, {"Arn": WAREHOUSE_BUS, "RoleArn": FORWARDER.replace(ACCOUNT_1, ACCOUNT_2)})
    put()
    assert bodies(warehouse_queue) == []
    assert codes(app_bus) == ["NO_PERMISSIONS"] * 2


def test_a_managed_policy_of_the_role_counts_in_its_version_in_force(app_bus: str, warehouse_queue: str) -> None:
    make_forwarder(resource="arn:aws:events:::none")
    admit_to_warehouse()
    make_rule(APP_BUS, FORWARD)
    iam = aws_client("iam")
    nothing = policy({"Action": "events:PutEvents", "Resource": "arn:aws:events:::none"})
    arn = iam.create_policy(PolicyName="forward", PolicyDocument=nothing)["Policy"]["Arn"]
    iam.attach_role_policy(RoleName="forwarder", PolicyArn=arn)
    put()
    enough = policy({"Action": "events:Put*", "Resource": "*"})
    iam.create_policy_version(PolicyArn=arn, PolicyDocument=enough, SetAsDefault=True)
    put()
    assert len(bodies(warehouse_queue)) == 1


def test_an_event_from_another_bus_goes_to_no_third_one(app_bus: str, warehouse_queue: str) -> None:
    make_forwarder()
    admit_to_warehouse()
    make_rule(APP_BUS, FORWARD)
    third = f"arn:aws:events:{REGION_2}:333333333333:event-bus/third"
    make_rule(WAREHOUSE_BUS, {"Arn": third, "RoleArn": f"arn:aws:iam::{ACCOUNT_2}:role/any"}, name="onwards")
    put()
    assert len(bodies(warehouse_queue)) == 1
    (lost,) = undelivered(app_bus)
    assert (lost["error_code"], lost["target_arn"]) == ("NOT_FORWARDED", third)


def test_a_target_bus_needs_a_role_and_takes_no_transformer(app_bus: str) -> None:
    with pytest.raises(ClientError, match="RoleArn is required"):
        make_rule(APP_BUS, {"Arn": WAREHOUSE_BUS})
    transformer = {"InputTemplate": '"text"'}
    with pytest.raises(ClientError, match="InputTransformer is not supported"):
        make_rule(APP_BUS, FORWARD | {"InputTransformer": transformer})


def test_a_rule_with_a_pattern_that_is_not_valid_is_refused(app_bus: str) -> None:
    with pytest.raises(ClientError) as refused:
        make_rule(APP_BUS, pattern={"source": [{"begins": "x"}]})
    assert refused.value.response["Error"]["Code"] == "InvalidEventPatternException"


def test_a_rule_delivers_only_while_enabled_and_for_what_matches(app_bus: str) -> None:
    disabled, enabled = make_queue("disabled"), make_queue("enabled")
    make_rule(APP_BUS, {"Arn": disabled}, name="off", state="DISABLED")
    make_rule(APP_BUS, {"Arn": enabled}, name="on")
    put(entry(), entry(Source="another"))
    assert (len(bodies(disabled)), len(bodies(enabled))) == (0, 1)
    aws_client("events").enable_rule(Name="off", EventBusName="app")
    put()
    assert len(bodies(disabled)) == 1


def test_a_rule_with_a_schedule_alone_takes_no_event(app_bus: str) -> None:
    queue = make_queue("scheduled")
    client = aws_client("events")
    client.put_rule(Name="daily", ScheduleExpression="rate(1 day)")
    client.put_targets(Rule="daily", Targets=[{"Id": "0", "Arn": queue}])
    put(entry(EventBusName="default"))
    assert bodies(queue) == []


def test_a_fifo_queue_keeps_the_order_within_the_group_of_the_rule(app_bus: str) -> None:
    queue = make_queue("ordered.fifo", FifoQueue="true", ContentBasedDeduplication="true")
    make_rule(APP_BUS, {"Arn": queue, "SqsParameters": {"MessageGroupId": "warehouse"}})
    put(*[entry({"revision": number}) for number in range(5)])
    messages = received(queue)
    assert [json.loads(message["Body"])["detail"]["revision"] for message in messages] == list(range(5))
    assert {message["Attributes"]["MessageGroupId"] for message in messages} == {"warehouse"}


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ({"Input": '{"constant": true}'}, {"constant": True}),
        ({"InputPath": "$.detail.reports[1]"}, "devices"),
        ({"InputPath": "$.detail"}, {"reports": ["pages", "devices"], "flow-name": 'the "daily" flow'}),
        (
            {
                "InputTransformer": {
                    "InputPathsMap": {"name": "$.detail.flow-name", "all": "$.detail.reports", "none": "$.detail.x"},
                    "InputTemplate": '{"title": "Run of <name><none>", "name": <name>, "reports": <all>,'
                    ' "rule": "<aws.events.rule-name>", "event": <aws.events.event>}',
                }
            },
            {
                "title": 'Run of the "daily" flow',
                "name": 'the "daily" flow',
                "reports": ["pages", "devices"],
                "rule": "forward",
                "event": {"source": "myapp.dataflows"},
            },
        ),
    ],
)
def test_a_target_receives_the_input_its_rule_gives_it(app_bus: str, target: dict[str, Any], expected: Any) -> None:
    queue = make_queue("shaped")
    make_rule(APP_BUS, {"Arn": queue} | target)
    put(entry({"reports": ["pages", "devices"], "flow-name": 'the "daily" flow'}))
    (body,) = bodies(queue)
    if "event" in expected:
        assert "detail" not in body["event"]
        body["event"] = {"source": body["event"]["source"]}
    assert body == expected


def test_a_template_that_gives_no_json_is_not_delivered(app_bus: str) -> None:
    transformer = {"InputPathsMap": {"x": "$.detail.missing"}, "InputTemplate": '{"x": <x>}'}
    make_rule(APP_BUS, {"Arn": make_queue("shaped"), "InputTransformer": transformer})
    put()
    assert codes(app_bus) == ["SDK_CLIENT_ERROR"]


def test_a_queue_receives_only_what_its_policy_admits(app_bus: str) -> None:
    arn = f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:strict"
    statement = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn}
    only_this_rule = policy(statement | {"Condition": {"ArnEquals": {"aws:SourceArn": FORWARD_RULE}}})
    make_queue("strict", Policy=only_this_rule)
    make_rule(APP_BUS, {"Arn": arn})
    make_rule(APP_BUS, {"Arn": arn}, name="another")
    put()
    assert len(bodies(arn)) == 1
    assert codes(app_bus) == ["NO_PERMISSIONS"]


def test_a_topic_passes_the_event_on_if_its_policy_admits_eventbridge(app_bus: str) -> None:
    sns, queue = aws_client("sns"), make_queue("alerts")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
    make_rule(APP_BUS, {"Arn": topic})
    put()
    assert codes(app_bus) == ["NO_PERMISSIONS"]
    statement = {"Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish", "Resource": topic}
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy(statement))
    put()
    (notification,) = bodies(queue)
    assert json.loads(notification["Message"])["detail"] == {"revision": 1}


def test_a_failed_delivery_goes_to_the_targets_dead_letter_queue_and_harms_no_other(app_bus: str) -> None:
    dead_letters, queue = make_queue("dead"), make_queue("alive")
    missing = f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:missing"
    make_rule(APP_BUS, {"Arn": missing, "DeadLetterConfig": {"Arn": dead_letters}, "Input": "{}"}, {"Arn": queue})
    assert put()["FailedEntryCount"] == 0
    assert len(bodies(queue)) == 1
    (message,) = received(dead_letters)
    assert json.loads(message["Body"])["detail"] == {"revision": 1}
    attributes = {name: value["StringValue"] for name, value in message["MessageAttributes"].items()}
    assert attributes.pop("ERROR_MESSAGE") == f"The queue {missing} does not exist."
    assert attributes == {"RULE_ARN": FORWARD_RULE, "TARGET_ARN": missing, "ERROR_CODE": "NO_RESOURCE"}
    assert undelivered(app_bus) == []


def test_a_delivery_that_fails_at_the_dead_letter_queue_too_is_on_record(app_bus: str) -> None:
    missing = f"arn:aws:sqs:{REGION_1}:{ACCOUNT_1}:missing"
    make_rule(APP_BUS, {"Arn": missing, "DeadLetterConfig": {"Arn": make_queue("dead", Policy="")}})
    put()
    assert codes(app_bus) == ["NO_RESOURCE", "NO_PERMISSIONS"]


def test_a_target_of_another_kind_is_on_record(app_bus: str) -> None:
    make_rule(APP_BUS, {"Arn": f"arn:aws:lambda:{REGION_1}:{ACCOUNT_1}:function:register"})
    put()
    (lost,) = undelivered(app_bus)
    assert "queues, topics and buses only" in lost["error_message"]


def test_a_service_event_arrives_on_the_default_bus_of_its_account(clean_aws: str, aws_clock: EmulatedClock) -> None:
    aws_clock.set(datetime(2026, 5, 6, tzinfo=UTC))
    queue = make_queue("runs", ACCOUNT_2)
    default_bus = f"arn:aws:events:{REGION_2}:{ACCOUNT_2}:event-bus/default"
    make_rule(default_bus, {"Arn": queue}, pattern={"source": ["aws.appflow"], "detail": {"flow-name": ["daily"]}})
    event_id = publish_service_event(
        ACCOUNT_2, REGION_2, "aws.appflow", "AppFlow End Flow Run Report", {"flow-name": "daily"}, ["arn:x"]
    )
    (event,) = bodies(queue)
    assert (event["id"], event["time"], event["resources"]) == (event_id, "2026-05-06T00:00:00Z", ["arn:x"])
    assert (event["account"], event["region"]) == (ACCOUNT_2, REGION_2)
