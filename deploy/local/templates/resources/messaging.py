"""SQS queues and SNS topics, with their policies."""

import json
from typing import Any

from botocore.exceptions import ClientError

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created

QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
SUBSCRIPTION_ATTRIBUTES = ("FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy")


def create_queue(queue: Declaration) -> Created:
    """Make an SQS queue, or bring its attributes up to date."""
    is_fifo = bool(queue.properties.get("FifoQueue"))
    name = str(queue.properties.get("QueueName") or queue.made_name() + (".fifo" if is_fifo else ""))
    attributes = {key: _text(value) for key, value in queue.pick(*QUEUE_ATTRIBUTES).items()}
    client = queue.stack.client("sqs")
    try:
        url = client.get_queue_url(QueueName=name)["QueueUrl"]
    except client.exceptions.QueueDoesNotExist:
        url = client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    else:
        _update_queue(client, url, attributes)
    return Created(url, {"Arn": queue.stack.arn("sqs", name), "QueueName": name, "QueueUrl": url})


def _update_queue(client: Any, url: str, attributes: dict[str, str]) -> None:
    # moto forgets a queue's policy when attributes are set without it.
    kept = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})
    changeable = {key: value for key, value in attributes.items() if key != "FifoQueue"}
    if changeable:
        client.set_queue_attributes(QueueUrl=url, Attributes=kept | changeable)


def create_queue_policy(policy: Declaration) -> Created:
    """Set the policy of each queue it names."""
    client = policy.stack.client("sqs")
    for url in policy.properties["Queues"]:
        document = json.dumps(policy.properties["PolicyDocument"])
        client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document})
    return Created(policy.made_name())


def create_topic(topic: Declaration) -> Created:
    """Make an SNS topic with the subscriptions declared in it."""
    client = topic.stack.client("sns")
    name = topic.name("TopicName")
    arn = client.create_topic(Name=name, Attributes=topic.pick("DisplayName"))["TopicArn"]
    for subscription in topic.properties.get("Subscription", ()):
        client.subscribe(TopicArn=arn, Protocol=subscription["Protocol"], Endpoint=subscription["Endpoint"])
    return Created(arn, {"TopicArn": arn, "TopicName": name})


def create_subscription(subscription: Declaration) -> Created:
    """Subscribe an endpoint to an SNS topic."""
    attributes = {key: _text(value) for key, value in subscription.pick(*SUBSCRIPTION_ATTRIBUTES).items()}
    wanted = subscription.pick("TopicArn", "Protocol", "Endpoint")
    answer = subscription.stack.client("sns").subscribe(**wanted, Attributes=attributes, ReturnSubscriptionArn=True)
    return Created(answer["SubscriptionArn"], {"Arn": answer["SubscriptionArn"]})


def create_topic_policy(policy: Declaration) -> Created:
    """Set the policy of each topic it names."""
    client = policy.stack.client("sns")
    document = json.dumps(policy.properties["PolicyDocument"])
    for arn in policy.properties["Topics"]:
        client.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=document)
    return Created(policy.made_name())


def queue_has_policy(declaration: Declaration, queue_arn: str) -> bool:
    """Tell whether a queue exists and carries a policy."""
    client = declaration.stack.client("sqs")
    account_id, name = queue_arn.split(":")[4:]
    try:
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account_id)["QueueUrl"]
    except ClientError:
        return False
    return "Policy" in client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"]).get("Attributes", {})


def _text(value: Any) -> str:
    """Return an attribute as these APIs take it: numbers and truths as text, structures as JSON."""
    if isinstance(value, dict | bool):
        return json.dumps(value)
    return str(value)
