"""Texts from outside as Slack shows them literally: nothing in them is a link, a mention or a format.

Slack reads `<…>` as links and mentions, and asks for `&`, `<` and `>` as entities:
https://docs.slack.dev/messaging/formatting-message-text. What stands between backticks is not formatted.
"""

from collections.abc import Iterable, Mapping
from typing import Final

_ENTITIES: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_IN_CODE: Final = {**_ENTITIES, "`": "'"}
# Where no backticks stand around a text: the signs that would begin a format or a mention, each by its like.
_IN_WORDS: Final = {
    **_IN_CODE,
    "*": "\N{ASTERISK OPERATOR}",
    "~": "\N{TILDE OPERATOR}",
    "_": "\N{MODIFIER LETTER LOW MACRON}",
    "@": "\N{FULLWIDTH COMMERCIAL AT}",
    "\n": " ",
}
_JOINERS: Final = "\u200c\u200d"  # not printable, and part of words in some scripts
_CUT: Final = "…"


def code(text: str, limit: int) -> str:
    """Return a text of one line as it is, between backticks; at most `limit` characters."""
    return f"`{_escaped(' '.join(text.split()) or '?', _IN_CODE, limit - 2)}`"


def code_block(text: str, limit: int) -> str:
    """Return a text of several lines as it is, in a block of its own; at most `limit` characters."""
    return f"```{_escaped(text.strip() or '?', _IN_CODE, limit - 6)}```"


def words(text: str, limit: int) -> str:
    """Return a text to stand among our own words, at most `limit` characters; signs of a format are replaced."""
    return _escaped(text.strip(), _IN_WORDS, limit)


def lines_within(lines: Iterable[str], limit: int) -> str:
    """Return as many lines as there is room for, none of them cut: half an entity or one backtick would show."""
    kept: list[str] = []
    for line in lines:
        if len("\n".join([*kept, line])) > limit - len(f"\n{_CUT}"):
            return "\n".join([*kept, _CUT])
        kept.append(line)
    return "\n".join(kept)


def _escaped(text: str, signs: Mapping[str, str], limit: int) -> str:
    """Cut whole signs, so that no entity is cut in two."""
    pieces: list[str] = []
    length = 0
    for sign in text:
        piece = signs.get(sign, sign if sign.isprintable() or sign == "\n" or sign in _JOINERS else " ")
        if length + len(piece) > limit - len(_CUT):
            return "".join([*pieces, _CUT])
        pieces.append(piece)
        length += len(piece)
    return "".join(pieces)
