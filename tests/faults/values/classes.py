"""What kinds of hostile values there are among pairs: counted, so that none is missing unnoticed."""

import re
from collections import Counter
from collections.abc import Callable, Collection
from functools import partial
from typing import Final
from unicodedata import bidirectional, combining, normalize

from tests.faults.values.pairs import Pair

LONG: Final = "64 KB"
_LONG_BYTES: Final = 65_500
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "RLE", "RLO", "RLI"})
_UNSEEN: Final = re.compile("[\u200b-\u200d\u2060\ufeff]")
_EMOJI: Final = re.compile("[\U0001f000-\U0001faff]")


def _bare(text: str) -> str:
    return "".join(character for character in normalize("NFD", text) if not combining(character))


def _is_right_to_left(text: str) -> bool:
    return any(bidirectional(character) in _RIGHT_TO_LEFT for character in text)


# Pairs that something takes for one another: what it makes of a text.
_ALIKE: Final[dict[str, Callable[[str], str]]] = {
    "case twins": str.casefold,
    "accents": _bare,
    "NFC and NFD": partial(normalize, "NFC"),
    "trailing space": lambda text: text.rstrip(" "),
}
# Pairs with such a text.
_WITH: Final[dict[str, Callable[[str], object]]] = {
    "emoji": _EMOJI.search,
    "right to left": _is_right_to_left,
    "zero width": _UNSEEN.search,
    "quotes": re.compile("['\"`]").search,
    "backslashes": lambda text: "\\" in text,
    "newlines": lambda text: "\n" in text,
    "tabs": lambda text: "\t" in text,
    "\\N": lambda text: "\\N" in text,
    "empty": lambda text: not text,
    LONG: lambda text: len(text.encode()) > _LONG_BYTES,
}


def numbers_by_class(pairs: Collection[Pair]) -> dict[str, int]:
    """Return for each class how many of the pairs belong to it; a pair may belong to several."""
    alike = {name: _number_alike(pairs, made) for name, made in _ALIKE.items()}
    having = {name: sum(any(map(is_so, pair)) for pair in pairs) for name, is_so in _WITH.items()}
    return {**alike, **having}


def _number_alike(pairs: Collection[Pair], made: Callable[[str], str]) -> int:
    sizes = Counter((made(left), made(right)) for left, right in pairs)
    return sum(size for size in sizes.values() if size > 1)
