"""What AWS's chat service makes of a message on its topic: a notification to show, or nothing.

It takes custom notifications (https://docs.aws.amazon.com/chatbot/latest/adminguide/custom-notifs.html), CloudWatch's
alarms and events of AWS services, these two unmodified. Everything else it drops without a word; here the page says so.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

_ALARM: Final = frozenset({"AlarmName", "NewStateValue", "NewStateReason", "StateChangeTime"})
_EVENT: Final = frozenset({"source", "detail-type", "detail", "account", "region"})
_ALARM_MARKS: Final = {"ALARM": ":rotating_light:", "OK": ":white_check_mark:"}


class NotShownError(Exception):
    """The service would drop a message; the text says why."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class _Content(_Strict):
    textType: str = Field("client-markdown", pattern="^client-markdown$")
    title: str = ""
    description: str = Field(min_length=1)
    nextSteps: list[str] = []
    keywords: list[str] = []


class _Metadata(_Strict):
    threadId: str = ""
    summary: str = ""
    eventType: str = ""
    relatedResources: list[str] = []
    additionalContext: dict[str, str] = {}
    enableCustomActions: bool = True


class _Custom(_Strict):
    version: str = Field(pattern=r"^1\.0$")
    source: str = Field(pattern="^custom$")
    id: str = ""
    content: _Content
    metadata: _Metadata = _Metadata()


@dataclass(frozen=True)
class Notification:
    """What is shown; `kind` is what an action's attachment asks for, `body` the message that its variables read."""

    kind: str
    title: str
    text: str
    thread_id: str | None = None
    steps: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    has_buttons: bool = False
    body: Mapping[str, Any] | None = None


def read_notification(message: str) -> Notification:
    """Return what the service shows for a message. Raises NotShownError for what it drops."""
    try:
        body = json.loads(message)
    except ValueError as error:
        raise NotShownError(f"It is no JSON: {error}") from error
    if not isinstance(body, dict):
        raise NotShownError("It is no JSON object.")
    if body.keys() >= _ALARM:
        return _alarm(body)
    if body.keys() >= _EVENT and str(body["source"]).startswith("aws."):
        return Notification("Event", str(body["detail-type"]), json.dumps(body["detail"], indent=2))
    return _custom(body)


def _alarm(body: Mapping[str, Any]) -> Notification:
    mark = _ALARM_MARKS.get(str(body["NewStateValue"]), ":grey_question:")
    title = f"{mark} CloudWatch alarm {body['AlarmName']}: {body['NewStateValue']}"
    lines = (body.get("AlarmDescription") or "", body["NewStateReason"], str(body["StateChangeTime"]))
    return Notification("CloudWatch", title, "\n".join(line for line in lines if line))


def _custom(body: dict[str, Any]) -> Notification:
    try:
        read = _Custom.model_validate(body)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise NotShownError(
            f"It is no custom notification, no alarm, no event of an AWS service: {problems}"
        ) from error
    return Notification(
        "Custom",
        read.content.title,
        read.content.description,
        read.metadata.threadId or None,
        tuple(read.content.nextSteps),
        tuple(read.content.keywords),
        read.metadata.enableCustomActions,
        body,
    )
