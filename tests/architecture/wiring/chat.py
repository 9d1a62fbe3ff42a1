"""The chat channel: what it hears, its buttons as they would stand and run, and that nothing else can be done there."""

from collections.abc import Iterator
from typing import Any, Final

from deploy.local.aws.policy import AccessRequest, identity_policies_admit, resource_policy_admits
from deploy.local.chatbot.commands import CommandError, LambdaInvoke, button_values, read_command, shown_buttons
from deploy.local.chatbot.notification import Notification, read_notification
from deploy.local.templates.definitions import ChatAction
from deploy.local.templates.resources.chat import LONGEST_COMMAND, button_of
from tests.architecture.wiring.needs import button_functions
from tests.architecture.wiring.policies import topic_policy
from tests.architecture.wiring.stacks import APP_URL, Properties, Stack
from tests.warehouse.incidents import incident
from warehouse.chat_notification import Surroundings, chat_notification

_ANYBODY: Final = {"Effect": "Allow", "Principal": "*", "Action": "sns:*", "Resource": "*"}
_OTHER_ACTIONS: Final = ("lambda:UpdateFunctionCode", "sns:Publish", "redshift-data:ExecuteStatement")
_EVENT: Final = incident()
_IDS: Final = f"{_EVENT.run_id}.{_EVENT.incident_id}.{_EVENT.data_flow_id}"
_WAITED_FOR: Final = {"RetryAction": False, "ShowStatusAction": True}  # what a button runs, within 15 seconds or not


def chat_problems(stack: Stack) -> Iterator[str]:
    """Say what the channel would not hear or show, and what somebody in it could do beyond the two buttons."""
    yield from (f"ChatChannel: {one}" for one in _channel_problems(stack, stack.properties["ChatChannel"]))
    yield from _guardrail_problems(stack)
    yield from _topic_problems(stack)
    for name, arn in zip(_WAITED_FOR, button_functions(stack), strict=True):
        yield from (f"{name}: {one}" for one in _action_problems(name, stack.properties[name], arn))
    table = stack.properties["NotifiedTable"]
    for member, wanted in (
        ("TimeToLiveSpecification", {"AttributeName": "expiration", "Enabled": True}),
        ("SSESpecification", {"SSEEnabled": True}),
    ):
        if table.get(member) != wanted:
            yield f"NotifiedTable: its {member} must be {wanted}."


def _channel_problems(stack: Stack, channel: Properties) -> Iterator[str]:
    wanted = {
        "IamRoleArn": stack.arns["ChatRole"],
        "GuardrailPolicies": [stack.refs["ChatGuardrail"]],
        "SnsTopicArns": [stack.refs["ChatTopic"], stack.refs["AlarmTopic"]],
        "CustomizationResourceArns": [stack.refs[name] for name in _WAITED_FOR],
        "UserRoleRequired": False,
        "LoggingLevel": "ERROR",
    }
    for member, value in wanted.items():
        if channel.get(member) != value:
            yield f"its {member} must be {value}."


def _guardrail_problems(stack: Stack) -> Iterator[str]:
    role_documents = [policy["PolicyDocument"] for policy in stack.properties["ChatRole"].get("Policies", ())]
    for name, documents in (
        ("ChatRole", role_documents),
        ("ChatGuardrail", [stack.properties["ChatGuardrail"]["PolicyDocument"]]),
    ):
        functions = button_functions(stack)
        for arn in functions:
            if not _may(documents, "lambda:InvokeFunction", arn):
                yield f"{name} may not do lambda:InvokeFunction on {arn}."
        if _may(documents, "lambda:InvokeFunction", f"{functions[0]}-other"):
            yield f"{name} may invoke other functions than those of the buttons."
        yield from (f"{name} may do {one}." for one in _OTHER_ACTIONS if _may(documents, one, "*"))


def _may(documents: list[Any], action: str, resource: str) -> bool:
    return identity_policies_admit(documents, AccessRequest("arn:aws:iam::000000000000:role/any", action, resource))


def _topic_problems(stack: Stack) -> Iterator[str]:
    policy, arn = topic_policy(stack, "ChatTopic"), stack.refs["ChatTopic"]
    if not resource_policy_admits(policy, AccessRequest(stack.arns["NotifyRole"], "sns:Publish", arn)):
        yield "no policy of ChatTopic lets NotifyRole publish."
    # Somebody of the account whose own policies allow everything: as if the topic's said so, too.
    open_policy = {"Statement": [*policy["Statement"], _ANYBODY]}
    for who in (f"{stack.arns['NotifyRole']}-other", f"arn:aws:iam::{stack.account.account_id}:root"):
        if resource_policy_admits(open_policy, AccessRequest(who, "sns:Publish", arn)):
            yield f"a policy of ChatTopic lets {who} publish."
    in_clear = AccessRequest(stack.arns["NotifyRole"], "sns:Publish", arn, {"aws:SecureTransport": "false"})
    if resource_policy_admits(open_policy, in_clear):
        yield "no policy of ChatTopic refuses what comes without TLS."


def _action_problems(name: str, properties: Properties, arn: str) -> Iterator[str]:
    buttons = tuple(button_of(one) for one in properties.get("Attachments", ()))
    action = ChatAction(name, name, properties["Definition"]["CommandText"], buttons)
    if len(action.command) > LONGEST_COMMAND:
        yield f"its CommandText has {len(action.command)} characters; the service takes {LONGEST_COMMAND}."
    shown = {state: _shown(action, arn, state=state) for state in ("open", "retrying", "resolved")}
    states = {state for state, command in shown.items() if command is not None}
    if states != ({"open"} if name == "RetryAction" else set(shown)):
        yield f"its button stands below incidents that are {sorted(states)}."
    if name == "RetryAction" and _shown(action, arn, run_id=None):
        yield "its button stands where no run can be retried."
    yield from _command_problems(name, shown["open"], arn)


def _shown(action: ChatAction, arn: str, **changes: Any) -> LambdaInvoke | str | None:
    """Return what the button below an incident would run, the reason why it could not; None where it is not shown."""
    notification = _notification(arn, **changes)
    for _, button in shown_buttons((action,), notification):
        try:
            return read_command(action.command, button_values(button, notification))
        except CommandError as error:
            return str(error)
    return None


def _notification(arn: str, **changes: Any) -> Notification:
    event = incident(
        incident_id=_EVENT.incident_id, data_flow_id=_EVENT.data_flow_id, **{"run_id": _EVENT.run_id, **changes}
    )
    region, function = arn.split(":")[3], arn.split(":")[-1]
    message = chat_notification(event, Surroundings(APP_URL, region, function, function))
    return read_notification(message.model_dump_json() if message else "")


def _command_problems(name: str, command: LambdaInvoke | str | None, arn: str) -> Iterator[str]:
    if not isinstance(command, LambdaInvoke):
        yield f"its button runs nothing: {command}"
        return
    if (command.region, command.function_name) != (arn.split(":")[3], arn.split(":")[-1]):
        yield f"its button runs {command.function_name} in {command.region}, not {arn}."
    if command.is_async == _WAITED_FOR[name] or command.payload != {"ids": _IDS}:
        yield f"its button gives the function {command.payload}, not the ids {_IDS}."
