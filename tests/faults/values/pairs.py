"""Pairs of texts that some layer may take for one another or stumble over: the same at every run."""

from collections.abc import Callable, Iterator
from functools import partial
from random import Random
from typing import Final
from unicodedata import normalize

from tests.pipeline.twins import TWINS

Pair = tuple[str, str]

MAX_BYTES: Final = 65_535  # what a VARCHAR of the warehouse holds, and a TEXT of MySQL
_SEED: Final = 20_261_125
_LONGEST_ALTERED: Final = 60

_FORMS: Final[tuple[Callable[[str], str], ...]] = (
    str.upper,
    str.lower,
    str.swapcase,
    str.casefold,
    str.strip,
    *(partial(normalize, form) for form in ("NFC", "NFD", "NFKC", "NFKD")),
)
_SPACES: Final = (" ", "  ", "\t", "\n", "\r", "\r\n", "\v", "\f", "\x85", "\xa0", "\u2028", "\u3000")
_UNSEEN: Final = ("\xad", "\ufeff", *"\N{ZERO WIDTH SPACE}\N{ZERO WIDTH JOINER}\N{VARIATION SELECTOR-16}")
_UNASSIGNED: Final = ("\ue000", "\ufffd", "\uffff", "\U0010ffff")
_RIGHT_TO_LEFT: Final = ("\u05d0", "\u0644\u0627", *"\N{RIGHT-TO-LEFT OVERRIDE}\N{RIGHT-TO-LEFT MARK}\u2068")
_ACCENTS: Final = ("é", "Å", *"\N{COMBINING ACUTE ACCENT}\N{COMBINING DIAERESIS}\N{ANGSTROM SIGN}")
_LETTERS: Final = (
    "ß",
    "ẞ",
    "İ",
    "ﬁ",
    "0",
    *"\N{LATIN SMALL LETTER DOTLESS I}\N{KELVIN SIGN}\N{CYRILLIC SMALL LETTER A}",
)
_EMOJI: Final = ("😀", "👩\N{ZERO WIDTH JOINER}💻", "👍🏽", "🇻🇳")
_QUOTES: Final = ("'", "''", '"', '""', "`", "\\", "\\\\", "\\N", "\\n", "\\.", "\\0", "\\x00", "\\ud800", "\\'", "$$")
_MARKS: Final = (",", "|", ";", "--", "/*", "%", "%s", "_", "{", "{}", "&amp;", "<b>", *"\x01\x1a\x1b\x1f\x7f")
_PIECES: Final[tuple[str, ...]] = (
    _SPACES + _UNSEEN + _RIGHT_TO_LEFT + _ACCENTS + _LETTERS + _EMOJI + _UNASSIGNED + _QUOTES + _MARKS
)


def hostile_pairs(count: int) -> list[Pair]:
    """Return so many different pairs: each has others that differ from it by very little."""
    random = Random(_SEED)  # noqa: S311 - repeatable, not secret
    short = list(zip(TWINS, reversed(TWINS), strict=True))
    found = dict.fromkeys((*_long_pairs(), *short))
    while len(found) < count:
        pair = _altered(random, random.choice(short))
        if pair not in found and max(map(len, pair)) <= _LONGEST_ALTERED:
            found[pair] = None
            short.append(pair)
    return list(found)[:count]


def _altered(random: Random, pair: Pair) -> Pair:
    left, right = pair
    match random.randrange(6):
        case 0:
            return right, left
        case 1:  # the same characters, divided elsewhere
            at = random.randint(0, len(left + right))
            return (left + right)[:at], (left + right)[at:]
        case 2:
            return left, random.choice(_FORMS)(right)
        case 3:
            return random.choice(_FORMS)(left), right
        case 4:
            return left, _with_piece(random, right)
        case _:
            return _with_piece(random, left), right


def _with_piece(random: Random, text: str) -> str:
    """Return the text with a piece more, at its end as often as anywhere else."""
    at = random.choice((len(text), random.randint(0, len(text))))
    return text[:at] + random.choice(_PIECES) + text[at:]


def _long_pairs() -> Iterator[Pair]:
    """Yield pairs of the longest values there can be, of one to four bytes a character; only their ends differ."""
    for character, ends in (("x", ("a", "A", " ", "\n", "'")), ("é", ("!", "?")), ("😀", ("abc", "abC"))):
        for end in ends:
            text = character * ((MAX_BYTES - len(end)) // len(character.encode())) + end
            yield text, ""
            yield "", text
    yield text, text
