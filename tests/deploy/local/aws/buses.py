"""Makes the buses, rules, roles and queues the event tests are about."""

import json
from typing import Any

from tests.aws import ACCOUNT_1, ACCOUNT_2, REGION_1, REGION_2, aws_client

APP_BUS = f"arn:aws:events:{REGION_1}:{ACCOUNT_1}:event-bus/app"
WAREHOUSE_BUS = f"arn:aws:events:{REGION_2}:{ACCOUNT_2}:event-bus/warehouse"
FORWARD_RULE = f"arn:aws:events:{REGION_1}:{ACCOUNT_1}:rule/app/forward"
FORWARDER = f"arn:aws:iam::{ACCOUNT_1}:role/forwarder"

OURS = {"source": ["myapp.dataflows"]}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | one for one in statements]})


def make_queue(name: str, account_id: str = ACCOUNT_1, sender: str = "events.amazonaws.com", **attributes: str) -> str:
    """Make a queue that the service may send to for any resource; returns its ARN."""
    region = REGION_1 if account_id == ACCOUNT_1 else REGION_2
    arn = f"arn:aws:sqs:{region}:{account_id}:{name}"
    admits = {"Principal": {"Service": sender}, "Action": "sqs:SendMessage", "Resource": arn}
    attributes = {"Policy": policy(admits)} | attributes
    aws_client("sqs", account_id).create_queue(QueueName=name, Attributes=attributes)
    return arn


def received(queue_arn: str) -> list[dict[str, Any]]:
    """Take all messages from a queue."""
    account_id, name = queue_arn.split(":")[4:]
    client = aws_client("sqs", account_id)
    url = client.get_queue_url(QueueName=name)["QueueUrl"]
    found = []
    while messages := client.receive_message(
        QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], AttributeNames=["All"]
    ).get("Messages"):
        found += messages
    return found


def bodies(queue_arn: str) -> list[Any]:
    return [json.loads(message["Body"]) for message in received(queue_arn)]


def make_rule(
    bus: str, *targets: dict[str, Any], name: str = "forward", pattern: Any = None, state: str = "ENABLED"
) -> None:
    """Make a rule on a bus (an ARN) with targets; their Id is their place."""
    client = aws_client("events", bus.split(":")[4])
    bus_name = bus.rpartition("/")[2]
    client.put_rule(Name=name, EventBusName=bus_name, EventPattern=json.dumps(pattern or OURS), State=state)
    numbered = [{"Id": str(place)} | target for place, target in enumerate(targets)]
    client.put_targets(Rule=name, EventBusName=bus_name, Targets=numbered)


def make_bus(arn: str) -> None:
    aws_client("events", arn.split(":")[4]).create_event_bus(Name=arn.rpartition("/")[2])


def make_forwarder(service: str = "events.amazonaws.com", resource: str = WAREHOUSE_BUS) -> None:
    """Make the role that carries events from the application's bus to the warehouse's."""
    iam = aws_client("iam")
    trust = policy({"Principal": {"Service": service}, "Action": "sts:AssumeRole"})
    iam.create_role(RoleName="forwarder", AssumeRolePolicyDocument=trust)
    may = policy({"Action": "events:PutEvents", "Resource": resource})
    iam.put_role_policy(RoleName="forwarder", PolicyName="forward", PolicyDocument=may)


def admit_to_warehouse(**members: Any) -> None:
    """Let account 1 put events on the warehouse's bus; `members` replace those of the policy's statement."""
    principal = {"AWS": f"arn:aws:iam::{ACCOUNT_1}:root"}
    statement = {"Sid": "app", "Principal": principal, "Action": "events:PutEvents", "Resource": WAREHOUSE_BUS}
    aws_client("events", ACCOUNT_2).put_permission(EventBusName="warehouse", Policy=policy(statement | members))


def entry(detail: Any = None, **members: Any) -> dict[str, Any]:
    """One PutEvents entry for the application's bus."""
    return {
        "Source": "myapp.dataflows",
        "DetailType": "RegisterDataFlow",
        "Detail": json.dumps({"revision": 1} if detail is None else detail),
        "EventBusName": "app",
    } | members


def put(*entries: dict[str, Any]) -> dict[str, Any]:
    """Put events as account 1."""
    answer: dict[str, Any] = aws_client("events").put_events(Entries=list(entries) or [entry()])
    return answer
