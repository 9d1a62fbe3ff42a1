"""The types of resource a template may declare here, and their properties. What is in no table is refused."""

from collections.abc import Callable
from dataclasses import dataclass

from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created
from deploy.local.templates.resources import (
    alarms,
    buckets,
    chat,
    configuration,
    events,
    functions,
    iam,
    messaging,
    tables,
)


@dataclass(frozen=True)
class ResourceType:
    """How a type is made: from the properties `used`; those `without_effect` change nothing on this machine."""

    create: Callable[[Declaration], Created]
    used: frozenset[str]
    without_effect: frozenset[str] = frozenset({"Tags"})


def _type(create: Callable[[Declaration], Created], used: str, without_effect: str = "Tags") -> ResourceType:
    return ResourceType(create, frozenset(used.split()), frozenset(without_effect.split()))


RESOURCE_TYPES = {
    "AWS::Events::EventBus": _type(events.create_bus, "Name", "Tags Description"),
    "AWS::Events::EventBusPolicy": _type(events.create_bus_policy, "EventBusName StatementId Statement"),
    # No ScheduleExpression: nothing here fires a rule by the clock; AWS::Scheduler::Schedule does.
    "AWS::Events::Rule": _type(events.create_rule, "Name EventBusName EventPattern State Description RoleArn Targets"),
    "AWS::Scheduler::Schedule": _type(
        events.create_schedule,
        "Name GroupName Description ScheduleExpression ScheduleExpressionTimezone FlexibleTimeWindow State "
        "StartDate EndDate Target",
    ),
    "AWS::SQS::Queue": _type(
        messaging.create_queue,
        "QueueName " + " ".join(messaging.QUEUE_ATTRIBUTES),
        "Tags KmsMasterKeyId KmsDataKeyReusePeriodSeconds",
    ),
    "AWS::SQS::QueuePolicy": _type(messaging.create_queue_policy, "Queues PolicyDocument"),
    "AWS::SNS::Topic": _type(
        messaging.create_topic, "TopicName DisplayName Subscription", "Tags KmsMasterKeyId TracingConfig"
    ),
    "AWS::SNS::Subscription": _type(
        messaging.create_subscription, "TopicArn Protocol Endpoint " + " ".join(messaging.SUBSCRIPTION_ATTRIBUTES)
    ),
    "AWS::SNS::TopicPolicy": _type(messaging.create_topic_policy, "Topics PolicyDocument"),
    "AWS::CloudWatch::Alarm": _type(alarms.create_alarm, "AlarmName " + " ".join(alarms.ALARM_MEMBERS)),
    "AWS::S3::Bucket": _type(
        buckets.create_bucket,
        "BucketName VersioningConfiguration BucketEncryption OwnershipControls PublicAccessBlockConfiguration "
        "LifecycleConfiguration NotificationConfiguration",
        "Tags LoggingConfiguration",
    ),
    "AWS::S3::BucketPolicy": _type(buckets.create_bucket_policy, "Bucket PolicyDocument"),
    "AWS::IAM::Role": _type(
        iam.create_role,
        "RoleName Path Description MaxSessionDuration AssumeRolePolicyDocument Policies ManagedPolicyArns",
    ),
    "AWS::IAM::Policy": _type(iam.create_policy, "PolicyName PolicyDocument Roles"),
    "AWS::IAM::ManagedPolicy": _type(
        iam.create_managed_policy, "ManagedPolicyName Path PolicyDocument Roles", "Tags Description"
    ),
    "AWS::SecretsManager::Secret": _type(
        configuration.create_secret, "Name Description SecretString GenerateSecretString", "Tags KmsKeyId"
    ),
    "AWS::SSM::Parameter": _type(configuration.create_ssm_parameter, "Name Type Value Description", "Tags Tier"),
    "AWS::Logs::LogGroup": _type(configuration.create_log_group, "LogGroupName RetentionInDays", "Tags KmsKeyId"),
    "AWS::Lambda::LayerVersion": _type(
        functions.create_layer,
        "LayerName Content",
        "Description CompatibleRuntimes CompatibleArchitectures LicenseInfo",
    ),
    "AWS::Lambda::Function": _type(
        functions.create_function,
        "FunctionName Code Handler Runtime Timeout MemorySize Environment Layers Role ReservedConcurrentExecutions "
        "DeadLetterConfig",
        "Tags Description Architectures TracingConfig VpcConfig EphemeralStorage LoggingConfig KmsKeyArn",
    ),
    "AWS::Lambda::EventSourceMapping": _type(
        functions.create_event_source,
        "EventSourceArn FunctionName BatchSize MaximumBatchingWindowInSeconds ScalingConfig FunctionResponseTypes "
        "Enabled FilterCriteria",
    ),
    "AWS::Lambda::EventInvokeConfig": _type(
        functions.create_async_invocation,
        "FunctionName Qualifier MaximumRetryAttempts DestinationConfig",
        "MaximumEventAgeInSeconds",
    ),
    "AWS::DynamoDB::Table": _type(
        tables.create_table,
        "TableName BillingMode AttributeDefinitions KeySchema TimeToLiveSpecification",
        "Tags SSESpecification PointInTimeRecoverySpecification",
    ),
    "AWS::Chatbot::CustomAction": _type(chat.create_action, "ActionName Definition Attachments", "Tags AliasName"),
    "AWS::Chatbot::SlackChannelConfiguration": _type(
        chat.create_channel,
        "ConfigurationName IamRoleArn GuardrailPolicies SnsTopicArns CustomizationResourceArns",
        "Tags SlackWorkspaceId SlackChannelId UserRoleRequired LoggingLevel",
    ),
}

# Accepted, and without effect on this machine; `Ref` gives a made-up name, `Fn::GetAtt` nothing.
NOT_EMULATED = {
    "AWS::Budgets::Budget": "nothing here costs anything",
    "AWS::CloudWatch::CompositeAlarm": "metrics are not collected, so no alarm is evaluated",
    "AWS::CloudWatch::Dashboard": "metrics are not collected, so there is nothing to draw",
    "AWS::Events::Archive": "events are not archived, so none can be replayed",
    "AWS::EventSchemas::Discoverer": "moto has no schema registry; tests compare the schemas",
    "AWS::EventSchemas::Registry": "moto has no schema registry; tests compare the schemas",
    "AWS::EventSchemas::Schema": "moto has no schema registry; tests compare the schemas",
    "AWS::KMS::Alias": "nothing is encrypted at rest, keys are not used",
    "AWS::KMS::Key": "nothing is encrypted at rest, keys are not used",
    "AWS::Lambda::Permission": "functions are fed from queues; nobody but the runner invokes them",
    "AWS::Logs::MetricFilter": "metrics are not collected",
}
