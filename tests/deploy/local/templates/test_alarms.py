import json

from tests.aws import aws_client
from tests.deploy.local.templates.conftest import Deploy

ALARMS = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: alarms, KmsMasterKeyId: !Ref Key}}
  Key: {Type: AWS::KMS::Key, Properties: {EnableKeyRotation: true}}
  Policy:
    Type: AWS::SNS::TopicPolicy
    Properties:
      Topics: [!Ref Topic]
      PolicyDocument:
        Version: "2012-10-17"
        Statement:
          - {Effect: Allow, Principal: {Service: cloudwatch.amazonaws.com}, Action: sns:Publish, Resource: !Ref Topic}
  DeadLetters: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  Alarm:
    Type: AWS::CloudWatch::Alarm
    Properties:
      AlarmName: dead
      Namespace: AWS/SQS
      MetricName: ApproximateNumberOfMessagesVisible
      Dimensions: [{Name: QueueName, Value: !GetAtt DeadLetters.QueueName}]
      Statistic: Maximum
      Period: 60
      EvaluationPeriods: 2
      DatapointsToAlarm: 1
      Threshold: 0
      ComparisonOperator: GreaterThanThreshold
      AlarmActions: [!Ref Topic]
"""


def test_an_alarm_watches_the_declared_queue_and_tells_the_declared_topic(deploy: Deploy) -> None:
    deploy(ALARMS)
    topic = deploy(ALARMS.replace("Period: 60", "Period: 300")).physical_ids["Topic"]
    (alarm,) = aws_client("cloudwatch").describe_alarms()["MetricAlarms"]
    assert (alarm["Dimensions"], alarm["Period"]) == ([{"Name": "QueueName", "Value": "dead"}], 300)
    assert (alarm["EvaluationPeriods"], alarm["DatapointsToAlarm"]) == (2, 1)
    assert alarm["AlarmActions"] == [topic]
    policy = json.loads(aws_client("sns").get_topic_attributes(TopicArn=topic)["Attributes"]["Policy"])
    assert [statement["Resource"] for statement in policy["Statement"]] == [topic]
