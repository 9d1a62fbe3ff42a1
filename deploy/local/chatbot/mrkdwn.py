"""Slack's markdown as HTML: what stands in a message, and nothing that a message brings along.

https://docs.slack.dev/messaging/formatting-message-text. Entities are read first and everything is escaped anew, so
that a text comes out as Slack would show it, never as HTML of its own.
"""

import html
import re
from typing import Final

from markupsafe import Markup

_EMOJI: Final = {
    "rotating_light": "🚨",
    "repeat": "🔁",
    "white_check_mark": "✅",
    "grey_question": "❔",
    "x": "❌",
    "ok_hand": "👌",
    "no_entry": "⛔",
    "hourglass": "⌛",
}
_PARTS: Final = re.compile(
    r"```(?P<block>.+?)```"
    r"|`(?P<code>[^`\n]+)`"
    r"|<(?P<link>https?://[^|>\s]+)(?:\|(?P<label>[^>]+))?>"
    r"|<(?P<mention>[!@#][^>]+)>"
    r"|(?<![\w*])\*(?P<bold>[^*\n]+)\*(?![\w*])"
    r"|:(?P<emoji>[a-z_]+):",
    re.DOTALL,
)


def shown(text: str) -> Markup:
    """Return the HTML of a text as Slack formats it."""
    pieces, end = [], 0
    for found in _PARTS.finditer(text):
        pieces += [_plain(text[end : found.start()]), _formatted(found)]
        end = found.end()
    return Markup("").join([*pieces, _plain(text[end:])])


def _formatted(found: re.Match[str]) -> Markup:
    match found.lastgroup:
        case "block":
            return Markup("<pre>{}</pre>").format(html.unescape(found["block"]))
        case "code":
            return Markup("<code>{}</code>").format(html.unescape(found["code"]))
        case "link" | "label":
            label = found["label"] or found["link"]
            return Markup('<a href="{}">{}</a>').format(html.unescape(found["link"]), html.unescape(label))
        case "mention":
            return Markup('<strong class="status status-failed">mention {}</strong>').format(found["mention"])
        case "bold":
            return Markup("<strong>{}</strong>").format(html.unescape(found["bold"]))
    return Markup("{}").format(_EMOJI.get(found["emoji"], found[0]))


def _plain(text: str) -> Markup:
    return Markup("<br>").join(Markup("{}").format(html.unescape(line)) for line in text.split("\n"))
