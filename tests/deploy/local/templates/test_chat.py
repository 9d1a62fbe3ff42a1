import pytest

from deploy.local.templates.errors import TemplateError
from tests.deploy.local.templates.conftest import Deploy

CHANNEL = """
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: chat}}
  Guardrail:
    Type: AWS::IAM::ManagedPolicy
    Properties:
      ManagedPolicyName: guardrail
      PolicyDocument:
        Version: "2012-10-17"
        Statement: [{Effect: Allow, Action: lambda:InvokeFunction, Resource: "*"}]
  Action:
    Type: AWS::Chatbot::CustomAction
    Properties:
      ActionName: retry
      Definition: {CommandText: lambda invoke --function-name retry --region ap-southeast-1}
      Attachments:
        - ButtonText: Retry
          NotificationType: Custom
          Criteria: [{VariableName: run, Operator: HAS_VALUE}]
          Variables: {run: $.metadata.additionalContext.run_id}
  Channel:
    Type: AWS::Chatbot::SlackChannelConfiguration
    Properties:
      ConfigurationName: operators
      SlackWorkspaceId: T1
      SlackChannelId: C1
      IamRoleArn: arn:aws:iam::111111111111:role/chat
      GuardrailPolicies: [!Ref Guardrail]
      SnsTopicArns: [!Ref Topic]
      CustomizationResourceArns: [!Ref Action]
"""


def test_a_channel_is_told_its_topics_limits_and_actions(deploy: Deploy) -> None:
    deployed = deploy(CHANNEL)

    (channel,) = deployed.chat_channels
    assert channel.topic_arns == (deployed.physical_ids["Topic"],)
    assert channel.guardrail_arns == ("arn:aws:iam::111111111111:policy/guardrail",)
    (action,) = channel.actions
    assert action.buttons[0].variables == {"run": "$.metadata.additionalContext.run_id"}


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("      GuardrailPolicies: [!Ref Guardrail]\n", "", "AdministratorAccess would be the limit"),
        (
            "[!Ref Action]",
            "[arn:aws:chatbot::111111111111:custom-action/other]",
            "is no custom action of",
        ),
        ("Operator: HAS_VALUE", "Operator: IS_LARGE", "a criterion is"),
        ("VariableName: run,", "VariableName: other,", "a criterion is"),
        ("{run: $", "{a: $.a, b: $.b, c: $.c, d: $.d, e: $.e, run: $", "it takes five variables"),
    ],
)
def test_what_the_chat_service_would_refuse_is_refused(deploy: Deploy, old: str, new: str, problem: str) -> None:
    assert old in CHANNEL
    with pytest.raises(TemplateError, match=problem):
        deploy(CHANNEL.replace(old, new))
