"""Who may do what, asked of the templates' policies by the evaluator that the local stack uses."""

from collections.abc import Mapping
from typing import Any, Final

from deploy.local.aws.policy import AccessRequest, identity_policies_admit, resource_policy_admits
from tests.architecture.wiring.stacks import NAMESPACE, Properties, Stack

STRANGER: Final = "999999999999"

# The evaluator knows no key of the Data API. Statements on any resource are bound to the caller's own by it.
_OWN_STATEMENTS: Final = {"StringEquals": {"redshift-data:statement-owner-iam-userid": "${aws:userid}"}}
# Nor one of CloudWatch: the application's numbers stay in their namespace by it.
_OWN_METRICS: Final = {"StringEquals": {"cloudwatch:namespace": NAMESPACE}}
_BOUND: Final = (_OWN_STATEMENTS, _OWN_METRICS)
# IAM knows no resource for these: a statement that names one allows nothing.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonappflow.html
_TAKE_NO_RESOURCE: Final = frozenset({"appflow:CreateFlow", "appflow:ListFlows"})


def queue_admits(stack: Stack, queue: str, principal: str, context: Mapping[str, str]) -> bool:
    """Tell whether a queue's policies let a service send to it."""
    policy = _joined(
        one["PolicyDocument"]["Statement"]
        for one in stack.of_type("AWS::SQS::QueuePolicy").values()
        if stack.refs[queue] in one["Queues"]
    )
    return resource_policy_admits(policy, AccessRequest(principal, "sqs:SendMessage", stack.arns[queue], context))


def bus_admits(stack: Stack, bus: str, principal: str, context: Mapping[str, str]) -> bool:
    """Tell whether a bus's policies let somebody put events on it."""
    policy = _joined(
        [one["Statement"]]
        for one in stack.of_type("AWS::Events::EventBusPolicy").values()
        if one["EventBusName"] == stack.refs[bus]
    )
    return resource_policy_admits(policy, AccessRequest(principal, "events:PutEvents", stack.arns[bus], context))


def topic_policy(stack: Stack, topic: str) -> dict[str, Any]:
    """Return what the policies of a topic say together."""
    return _joined(
        one["PolicyDocument"]["Statement"]
        for one in stack.of_type("AWS::SNS::TopicPolicy").values()
        if stack.refs[topic] in one["Topics"]
    )


def bucket_statements(stack: Stack, bucket: str) -> list[dict[str, Any]]:
    """Return the statements of a bucket's policies."""
    policies = stack.of_type("AWS::S3::BucketPolicy").values()
    return [
        statement
        for one in policies
        if one["Bucket"] == stack.refs[bucket]
        for statement in one["PolicyDocument"]["Statement"]
    ]


def bucket_admits(stack: Stack, bucket: str, request: AccessRequest) -> bool:
    """Tell whether a bucket's policies let somebody act on it."""
    return resource_policy_admits({"Statement": bucket_statements(stack, bucket)}, request)


def role_trusts(role: Properties, principal: str, context: Mapping[str, str]) -> bool:
    """Tell whether somebody may assume a role."""
    request = AccessRequest(principal, "sts:AssumeRole", "*", context)
    return resource_policy_admits(role["AssumeRolePolicyDocument"], request)


def role_may(role: Properties, action: str, resource: str) -> bool:
    """Tell whether a role's own policies allow an action on a resource."""
    documents = [
        {"Statement": [_evaluable(statement) for statement in policy["PolicyDocument"]["Statement"]]}
        for policy in role.get("Policies", ())
    ]
    return identity_policies_admit(documents, AccessRequest("arn:aws:iam::000000000000:role/any", action, resource))


def _evaluable(statement: dict[str, Any]) -> dict[str, Any]:
    if statement.get("Condition") not in _BOUND:
        return statement
    return {name: value for name, value in statement.items() if name != "Condition"}


def is_bound(statement: Mapping[str, Any]) -> bool:
    """Tell whether a role's statement names its resources, where there are any, or its own SQL or metrics only."""
    is_own = statement.get("Condition") in _BOUND
    return (
        "*" not in listed(statement["Resource"]) or is_own or _TAKE_NO_RESOURCE.issuperset(listed(statement["Action"]))
    )


def listed(value: Any) -> list[Any]:
    """Return what policies write as one thing or as a list of them."""
    return value if isinstance(value, list) else [value]


def _joined(statements: Any) -> dict[str, Any]:
    return {"Statement": [statement for some in statements for statement in some]}
