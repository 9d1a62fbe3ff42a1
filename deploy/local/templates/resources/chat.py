"""AWS's chat service: what the local page is told of channels and of the actions below their messages.

What the service refuses is refused here: https://docs.aws.amazon.com/chatbot/latest/APIReference/API_CustomActionAttachment.html
and https://docs.aws.amazon.com/chatbot/latest/APIReference/API_CustomActionDefinition.html
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from deploy.local.templates.definitions import ChatAction, ChatButton, ChatChannel
from deploy.local.templates.deployment import Declaration
from deploy.local.templates.intrinsics import Created

LONGEST_COMMAND: Final = 100  # with its variables not filled in; CloudFormation's reference says 5000
_MOST_VARIABLES: Final = 5
_MOST_CRITERIA: Final = 5
_OPERATORS: Final = ("HAS_VALUE", "EQUALS")
_VARIABLE_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,100}")


def create_action(action: Declaration) -> Created:
    """Tell the page of a custom action. Its ARN is what a channel names it by."""
    name = str(action.properties["ActionName"])
    arn = f"arn:aws:chatbot::{action.stack.account.account_id}:custom-action/{name}"
    buttons = tuple(_button(action, one) for one in action.properties.get("Attachments", ()))
    command = str(action.properties["Definition"]["CommandText"])
    if len(command) > LONGEST_COMMAND:
        raise action.error(f"it has {len(command)} characters; the service takes {LONGEST_COMMAND}.", "CommandText")
    action.stack.chat_actions[arn] = ChatAction(name, arn, command, buttons)
    return Created(arn, {"CustomActionArn": arn})


def create_channel(channel: Declaration) -> Created:
    """Tell the page of a channel."""
    properties, stack = channel.properties, channel.stack
    name, account_id = str(properties["ConfigurationName"]), stack.account.account_id
    if not properties.get("GuardrailPolicies"):
        raise channel.error("without any, AdministratorAccess would be the limit: name one.", "GuardrailPolicies")
    actions = []
    for arn in properties.get("CustomizationResourceArns", ()):
        if arn not in stack.chat_actions:
            raise channel.error(f"{arn} is no custom action of this template.", "CustomizationResourceArns")
        actions.append(stack.chat_actions[arn])
    stack.chat_channels.append(
        ChatChannel(
            name=name,
            account_id=account_id,
            topic_arns=tuple(properties.get("SnsTopicArns", ())),
            role_arn=properties["IamRoleArn"],
            guardrail_arns=tuple(properties["GuardrailPolicies"]),
            actions=tuple(actions),
        )
    )
    arn = f"arn:aws:chatbot::{account_id}:chat-configuration/slack-channel/{name}"
    return Created(arn, {"Arn": arn})


def button_of(attachment: Mapping[str, Any]) -> ChatButton:
    """Return the button that an attachment of a custom action declares."""
    criteria, variables = tuple(attachment.get("Criteria", ())), attachment.get("Variables", {})
    return ChatButton(attachment["ButtonText"], attachment["NotificationType"], criteria, variables)


def _button(action: Declaration, attachment: Mapping[str, Any]) -> ChatButton:
    variables = attachment.get("Variables", {})
    criteria = tuple(attachment.get("Criteria", ()))
    names = [name for name in variables if not _VARIABLE_NAME.fullmatch(name)]
    if len(variables) > _MOST_VARIABLES or len(criteria) > _MOST_CRITERIA or names:
        raise action.error("it takes five variables with plain names, and five criteria.", "Attachments")
    for one in criteria:
        if one["Operator"] not in _OPERATORS or one["VariableName"] not in variables:
            raise action.error(f"a criterion is {_OPERATORS} of one of its variables, not {one}.", "Attachments")
    return button_of(attachment)
