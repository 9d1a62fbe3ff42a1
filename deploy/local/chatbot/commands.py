"""Buttons and their commands: when a button stands below a message, and what pressing it runs."""

import json
import re
import string
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from deploy.local.chatbot.notification import Notification
from deploy.local.templates.definitions import ChatAction, ChatButton

_PATH: Final = re.compile(r"\$((?:\.[A-Za-z0-9_-]+)+)")
_PAYLOAD: Final = re.compile(r"\s--payload\s+(\{.*?\})(?=\s--|\s*$)", re.DOTALL)
_OPTIONS: Final = frozenset({"--function-name", "--region", "--invocation-type"})


class CommandError(Exception):
    """A command can't be run; the text is what the channel would be told."""


@dataclass(frozen=True)
class LambdaInvoke:
    """A `lambda invoke` command, read."""

    function_name: str
    region: str
    is_async: bool
    payload: Any


def shown_buttons(actions: tuple[ChatAction, ...], notification: Notification) -> list[tuple[ChatAction, ChatButton]]:
    """Return the actions whose criteria a notification meets, with the button each."""
    if not notification.has_buttons:
        return []
    return [(action, button) for action in actions for button in action.buttons if _is_shown(button, notification)]


def _is_shown(button: ChatButton, notification: Notification) -> bool:
    values = button_values(button, notification)
    is_of_kind = button.notification_type.lower() == notification.kind.lower()
    return is_of_kind and all(_is_met(criterion, values) for criterion in button.criteria)


def _is_met(criterion: Mapping[str, str], values: Mapping[str, str]) -> bool:
    value = values.get(criterion["VariableName"])
    return value == criterion.get("Value") if criterion["Operator"] == "EQUALS" else bool(value)


def button_values(button: ChatButton, notification: Notification) -> dict[str, str]:
    """Return what a button's variables find in a notification; what is not there is left out."""
    found = {name: _at(path, notification.body or {}) for name, path in button.variables.items()}
    return {name: value for name, value in found.items() if isinstance(value, str)}


def _at(path: str, body: Mapping[str, Any]) -> Any:
    steps = _PATH.fullmatch(path)
    value: Any = body
    for step in steps[1].removeprefix(".").split(".") if steps else ("",):
        value = value.get(step) if isinstance(value, Mapping) else None
    return value


def read_command(text: str, values: Mapping[str, str]) -> LambdaInvoke:
    """Put a button's values into its command and read it. Raises CommandError for what is no `lambda invoke`."""
    try:
        filled = " ".join(string.Template(text).substitute(values).split())
    except (KeyError, ValueError) as error:
        raise CommandError(f"The command has a variable without a value: {error}.") from error
    payload = _PAYLOAD.search(filled)
    words = (filled[: payload.start()] + filled[payload.end() :] if payload else filled).split()
    options = dict(zip(words[2::2], words[3::2], strict=False))
    if words[:2] != ["lambda", "invoke"] or len(words) % 2 or not options.keys() <= _OPTIONS:
        raise CommandError(f"Only `lambda invoke` with plain options is run here, not: {filled}")
    try:
        return LambdaInvoke(
            options["--function-name"],
            options["--region"],
            options.get("--invocation-type") == "Event",
            json.loads(payload[1]) if payload else {},
        )
    except (KeyError, ValueError) as error:
        raise CommandError(f"The command can't be read: {error!r} in {filled}") from error
