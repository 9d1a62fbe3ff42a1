import pytest

from deploy.local.templates.errors import TemplateError
from tests.deploy.local.chatbot.template import CHANNEL
from tests.deploy.local.templates.conftest import Deploy


def test_a_channel_is_told_its_topics_limits_and_actions(deploy: Deploy) -> None:
    deployed = deploy(CHANNEL)

    (channel,) = deployed.chat_channels
    assert channel.topic_arns == (deployed.physical_ids["Topic"],)
    assert channel.guardrail_arns == ("arn:aws:iam::111111111111:policy/guardrail",)
    retry, status = channel.actions
    assert retry.buttons[0].variables["run"] == "$.metadata.additionalContext.run_id"
    assert status.buttons[0].text == "Show"


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("      GuardrailPolicies: [!Ref Guardrail]\n", "", "AdministratorAccess would be the limit"),
        (
            "[!Ref Retry, !GetAtt Status.CustomActionArn]",
            "[arn:aws:chatbot::111111111111:custom-action/other]",
            "is no custom action of",
        ),
        ("Operator: HAS_VALUE", "Operator: IS_LARGE", "a criterion is"),
        ("VariableName: run,", "VariableName: other,", "a criterion is"),
        ("{flow: $", "{a: $.a, b: $.b, c: $.c, d: $.d, e: $.e, flow: $", "it takes five variables"),
        ("worker --region $r", "a-worker --region $r", "it has 102 characters; the service takes 100"),
    ],
)
def test_what_the_chat_service_would_refuse_is_refused(deploy: Deploy, old: str, new: str, problem: str) -> None:
    assert old in CHANNEL
    with pytest.raises(TemplateError, match=problem):
        deploy(CHANNEL.replace(old, new))
