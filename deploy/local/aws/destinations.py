"""Queues and topics as the services of AWS reach them: only where the resource's own policy admits the service."""

import json
from collections.abc import Mapping

from moto.core.exceptions import ServiceException
from moto.sns.models import sns_backends
from moto.sqs.models import Queue, sqs_backends

from deploy.local.aws.policy import AccessRequest, Document, resource_policy_admits
from deploy.local.aws.undelivered import DeliveryError


def send_to_queue(
    queue_arn: str,
    body: str,
    sender: str,
    context: Mapping[str, str],
    group_id: str | None = None,
    attributes: Mapping[str, str] | None = None,
) -> None:
    """Send a message to a queue as a service (`sender`, such as `events.amazonaws.com`) for a resource (`context`).

    Raises DeliveryError: NO_RESOURCE for a missing queue, NO_PERMISSIONS where its policy does not admit the
    sender, SDK_CLIENT_ERROR where the queue refuses the message.
    """
    queue = find_queue(queue_arn)
    check_queue_admits(queue, sender, context)
    fields = {name: {"DataType": "String", "StringValue": value} for name, value in (attributes or {}).items()}
    try:
        sqs_backends[queue.account_id][queue.region].send_message(
            queue.name, body, message_attributes=fields, group_id=group_id
        )
    except ServiceException as error:
        raise DeliveryError("SDK_CLIENT_ERROR", f"{queue_arn} refused the message: {error}") from error


def find_queue(queue_arn: str) -> Queue:
    """Return the queue with this ARN. Raises DeliveryError NO_RESOURCE when there is none."""
    region, account_id, name = _parts(queue_arn)
    queue = sqs_backends[account_id][region].queues.get(name)
    if queue is None:
        raise DeliveryError("NO_RESOURCE", f"The queue {queue_arn} does not exist.")
    return queue


def check_queue_admits(queue: Queue, sender: str, context: Mapping[str, str]) -> None:
    """Raise DeliveryError NO_PERMISSIONS unless the queue's policy lets the service send for that resource."""
    policy = json.loads(queue.policy) if queue.policy else None
    _check_admits(policy, AccessRequest(sender, "sqs:SendMessage", queue.queue_arn, context))


def send_to_topic(topic_arn: str, message: str, sender: str, context: Mapping[str, str]) -> None:
    """Publish to a topic as a service. Raises DeliveryError as `send_to_queue` does."""
    region, account_id, _ = _parts(topic_arn)
    backend = sns_backends[account_id][region]
    topic = backend.topics.get(topic_arn)
    if topic is None:
        raise DeliveryError("NO_RESOURCE", f"The topic {topic_arn} does not exist.")
    _check_admits(json.loads(topic.policy), AccessRequest(sender, "sns:Publish", topic_arn, context))
    try:
        backend.publish(message, arn=topic_arn)
    except ServiceException as error:
        raise DeliveryError("SDK_CLIENT_ERROR", f"{topic_arn} refused the message: {error}") from error


def _check_admits(policy: Document | None, request: AccessRequest) -> None:
    if not resource_policy_admits(policy, request):
        raise DeliveryError(
            "NO_PERMISSIONS",
            f"The policy of {request.resource} does not let {request.principal} do {request.action} "
            f"with {dict(request.context)}.",
        )


def _parts(arn: str) -> tuple[str, str, str]:
    parts = arn.split(":", 5)
    if len(parts) != 6:
        raise DeliveryError("NO_RESOURCE", f"{arn!r} is no ARN.")
    return parts[3], parts[4], parts[5]
