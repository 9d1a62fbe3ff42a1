import json
from typing import Any

import pytest

from deploy.local.templates.errors import TemplateError
from tests.aws import ACCOUNT_1, REGION_1, aws_client
from tests.deploy.local.templates.conftest import Deploy

QUEUES = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: app}}
  Rule:
    Type: AWS::Events::Rule
    Properties:
      Name: status
      EventBusName: !GetAtt Bus.Name
      EventPattern: {source: [ours]}
      State: ENABLED
      Targets: [{Id: queue, Arn: !GetAtt Queue.Arn, SqsParameters: {MessageGroupId: one}}]
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: work.fifo
      FifoQueue: true
      ContentBasedDeduplication: true
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 2}
  DeadLetters: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Policy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: 2012-10-17
        Statement:
          - Effect: Allow
            Principal: {Service: events.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
            Condition: {ArnEquals: {"aws:SourceArn": !GetAtt Rule.Arn}}
Outputs:
  Url: {Value: !Ref Queue}
  RuleArn: {Value: !GetAtt Rule.Arn}
"""

BUCKET = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: loads}}
  QueuePolicy:
    Type: AWS::SQS::QueuePolicy
    Properties:
      Queues: [!Ref Queue]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {Service: s3.amazonaws.com}
            Action: sqs:SendMessage
            Resource: !GetAtt Queue.Arn
  Bucket:
    Type: AWS::S3::Bucket
    DependsOn: QueuePolicy
    Properties:
      BucketName: unloads
      VersioningConfiguration: {Status: Enabled}
      PublicAccessBlockConfiguration: {BlockPublicAcls: true}
      BucketEncryption:
        ServerSideEncryptionConfiguration: [{ServerSideEncryptionByDefault: {SSEAlgorithm: AES256}}]
      LifecycleConfiguration: {Rules: [{Id: old, Status: Enabled, ExpirationInDays: 90}]}
      NotificationConfiguration:
        QueueConfigurations:
          - Event: s3:ObjectCreated:*
            Queue: !GetAtt Queue.Arn
            Filter: {S3Key: {Rules: [{Name: suffix, Value: manifest}]}}
"""


def _received(url: str) -> list[dict[str, Any]]:
    answer = aws_client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10, AttributeNames=["All"])
    messages: list[dict[str, Any]] = answer.get("Messages", [])
    return messages


def test_an_event_goes_through_the_declared_rule_into_the_declared_queue(deploy: Deploy) -> None:
    deployed = deploy(QUEUES)
    event = {"Source": "ours", "DetailType": "News", "Detail": "{}", "EventBusName": "app"}
    aws_client("events").put_events(Entries=[event])
    (message,) = _received(deployed.outputs["Url"])
    assert json.loads(message["Body"])["source"] == "ours"
    assert message["Attributes"]["MessageGroupId"] == "one"


def test_names_and_arns_are_those_of_the_account_and_region(deploy: Deploy) -> None:
    deployed = deploy(QUEUES)
    assert deployed.outputs["RuleArn"] == f"arn:aws:events:{REGION_1}:{ACCOUNT_1}:rule/app/status"
    assert deployed.physical_ids["DeadLetters"].endswith(".fifo")


def test_deploying_again_changes_nothing_and_keeps_what_is_queued(deploy: Deploy) -> None:
    first = deploy(QUEUES)
    url = first.outputs["Url"]
    aws_client("sqs").send_message(QueueUrl=url, MessageBody="kept", MessageGroupId="g")
    before = aws_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert deploy(QUEUES) == first
    after = aws_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    changing = {"LastModifiedTimestamp"}
    assert {k: v for k, v in after.items() if k not in changing} == {
        k: v for k, v in before.items() if k not in changing
    }
    assert [message["Body"] for message in _received(url)] == ["kept"]


def test_a_changed_template_changes_what_exists(deploy: Deploy) -> None:
    url = deploy(QUEUES).outputs["Url"]
    deploy(QUEUES.replace("VisibilityTimeout: 60", "VisibilityTimeout: 90").replace("source: [ours]", "source: [new]"))
    attributes = aws_client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    assert attributes["Attributes"]["VisibilityTimeout"] == "90"
    pattern = aws_client("events").describe_rule(Name="status", EventBusName="app")["EventPattern"]
    assert json.loads(pattern) == {"source": ["new"]}


def test_an_object_is_announced_to_the_declared_queue(deploy: Deploy) -> None:
    deployed = deploy(BUCKET)
    for key in ("data/part", "control/manifest"):
        aws_client("s3").put_object(Bucket="unloads", Key=key, Body=b"x")
    url = deployed.physical_ids["Queue"]
    bodies = [json.loads(message["Body"]) for message in _received(url)]
    keys = [record["s3"]["object"]["key"] for body in bodies for record in body.get("Records", ())]
    assert keys == ["control/manifest"]


def test_a_bucket_that_does_not_wait_for_the_queue_policy_is_refused(deploy: Deploy) -> None:
    text = BUCKET.replace("    DependsOn: QueuePolicy\n", "")
    without_policy = text[: text.index("  QueuePolicy:")] + text[text.index("  Bucket:") :]
    with pytest.raises(TemplateError, match=r"Bucket\.NotificationConfiguration: .* has no policy yet"):
        deploy(without_policy)


BUS_POLICIES = """
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: app}}
  One: &policy
    Type: AWS::Events::EventBusPolicy
    Properties: &properties
      EventBusName: !Ref Bus
      StatementId: one
      Statement:
        {Effect: Allow, Principal: {AWS: "arn:aws:iam::222222222222:root"}, Action: events:PutEvents, Resource: "*"}
  Two:
    <<: *policy
    Properties: {<<: *properties, StatementId: two}
"""


def test_policies_of_one_bus_are_put_together_and_not_repeated(deploy: Deploy) -> None:
    deploy(BUS_POLICIES)
    deploy(BUS_POLICIES)
    policy = json.loads(aws_client("events").describe_event_bus(Name="app")["Policy"])
    assert sorted(statement["Sid"] for statement in policy["Statement"]) == ["one", "two"]


SECRETS = """
Resources:
  Generated:
    Type: AWS::SecretsManager::Secret
    Properties:
      Name: generated
      GenerateSecretString: {SecretStringTemplate: '{"username": "u"}', GenerateStringKey: password, PasswordLength: 20}
"""


def test_a_generated_secret_is_generated_once(deploy: Deploy) -> None:
    def value() -> Any:
        return json.loads(aws_client("secretsmanager").get_secret_value(SecretId="generated")["SecretString"])

    deploy(SECRETS)
    first = value()
    deploy(SECRETS)
    assert (first["username"], len(first["password"])) == ("u", 20)
    assert value() == first


def test_the_local_stack_gives_a_secret_its_value(deploy: Deploy) -> None:
    for password in ("first", "second"):
        deploy(SECRETS, secret_values={"Generated": json.dumps({"password": password})})
        got = aws_client("secretsmanager").get_secret_value(SecretId="generated")["SecretString"]
        assert json.loads(got) == {"password": password}


def test_a_value_for_a_secret_that_is_not_declared_is_refused(deploy: Deploy) -> None:
    with pytest.raises(TemplateError, match="Other: a value was given"):
        deploy(SECRETS, secret_values={"Other": "{}"})


ROLES = """
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: worker
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Principal: {Service: lambda.amazonaws.com}, Action: sts:AssumeRole}]
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"]
      Policies:
        - PolicyName: inline
          PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "s3:*", Resource: "*"}]}
  Managed:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: shared
      Roles: [!Ref Role]
      PolicyDocument: {Version: "2012-10-17", Statement: [{Effect: Allow, Action: "sqs:*", Resource: "*"}]}
"""


def test_roles_carry_their_policies_and_follow_changes(deploy: Deploy) -> None:
    iam = aws_client("iam")
    deploy(ROLES)
    deploy(ROLES.replace("s3:*", "s3:GetObject").replace("sqs:*", "sqs:SendMessage"))
    inline = iam.get_role_policy(RoleName="worker", PolicyName="inline")["PolicyDocument"]
    assert inline["Statement"][0]["Action"] == "s3:GetObject"
    (attached,) = iam.list_attached_role_policies(RoleName="worker")["AttachedPolicies"]
    policy = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])["PolicyVersion"]
    assert version["Document"]["Statement"][0]["Action"] == "sqs:SendMessage"


def test_a_managed_policy_that_does_not_exist_is_refused(deploy: Deploy) -> None:
    with pytest.raises(TemplateError, match=r"Role\.ManagedPolicyArns: policy .*Nonsense does not exist"):
        deploy(ROLES.replace("service-role/AWSLambdaBasicExecutionRole", "Nonsense"))


OTHERS = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: alerts}}
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: alerts}}
  Subscription:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topic, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, RawMessageDelivery: true}
  Parameter: {Type: AWS::SSM::Parameter, Properties: {Name: /app/key, Type: String, Value: !Ref Topic}}
  Logs: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: /app, RetentionInDays: 7}}
  Dashboard: {Type: AWS::CloudWatch::Dashboard, Properties: {DashboardBody: "{}"}}
  Schedule:
    Type: AWS::Scheduler::Schedule
    Properties:
      Name: sweep
      ScheduleExpression: rate(15 minutes)
      FlexibleTimeWindow: {Mode: "OFF"}
      Target: {Arn: !GetAtt Queue.Arn, RoleArn: "arn:aws:iam::111111111111:role/schedules"}
"""


def test_the_other_types_are_made_and_made_again(deploy: Deploy) -> None:
    deploy(OTHERS)
    deployed = deploy(OTHERS.replace("rate(15 minutes)", "rate(30 minutes)"))
    topic = deployed.physical_ids["Topic"]
    (subscription,) = aws_client("sns").list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"]
    assert subscription["Endpoint"].endswith(":alerts")
    assert aws_client("ssm").get_parameter(Name="/app/key")["Parameter"]["Value"] == topic
    assert aws_client("logs").describe_log_groups()["logGroups"][0]["retentionInDays"] == 7
    assert aws_client("scheduler").get_schedule(Name="sweep")["ScheduleExpression"] == "rate(30 minutes)"
    assert deployed.not_emulated.keys() == {"Dashboard"}


@pytest.mark.parametrize(
    ("resource", "reason"),
    [
        ("{Type: AWS::Kinesis::Stream}", "Thing.Type: AWS::Kinesis::Stream is neither emulated nor listed"),
        (
            "{Type: AWS::SQS::Queue, Properties: {Color: red}}",
            "Thing.Color: .* is not emulated with Color",
        ),
        ("{Type: AWS::Events::Rule, Properties: {ScheduleExpression: rate(1 day)}}", "Thing.ScheduleExpression"),
        ("{Type: AWS::SQS::QueuePolicy, Properties: {Queues: [x]}}", "could not be made|needs 'PolicyDocument'"),
        ("{Type: AWS::SQS::Queue, DependsOn: Nobody}", "Thing.DependsOn: there is no resource Nobody"),
        ("{Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Thing}}", "need each other: Thing"),
        ("{Type: AWS::SQS::Queue, Condition: Never}", "there is no condition Never"),
    ],
)
def test_what_cannot_run_here_is_refused_with_its_place(deploy: Deploy, resource: str, reason: str) -> None:
    with pytest.raises(TemplateError, match=reason):
        deploy(f"Resources:\n  Thing: {resource}\n")


def test_a_resource_whose_condition_is_false_does_not_exist(deploy: Deploy) -> None:
    text = """
Parameters: {Stage: {Type: String}}
Conditions: {IsLive: !Equals [!Ref Stage, live]}
Resources:
  Always: {Type: AWS::SQS::Queue, Properties: {QueueName: !If [IsLive, !GetAtt Sometimes.QueueName, always]}}
  Sometimes: {Type: AWS::SQS::Queue, Condition: IsLive, Properties: {QueueName: sometimes}}
Outputs:
  Sometimes: {Condition: IsLive, Value: !Ref Sometimes}
"""
    deployed = deploy(text, Stage="test")
    assert deployed.physical_ids.keys() == {"Always"}
    assert deployed.outputs == {}
