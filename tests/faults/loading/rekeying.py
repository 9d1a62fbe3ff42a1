"""Keys as one might make them without a second thought, in the place of those that both accounts agree on."""

import hashlib
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final

from dataflows.contracts.reports import ReportTable
from tests.serving.unloads import Row

Texts = tuple[str | None, ...]
Hash = Callable[[Iterable[str | None]], str]


def _hashed(key_text: Callable[[Texts], str]) -> Hash:
    return lambda values: hashlib.sha256(key_text(tuple(values)).encode()).hexdigest()


def rekeyed(table: ReportTable, rows: list[Row], hash_of: Hash) -> list[Row]:
    """Return rows with another key; of rows that have the same one is left, as in a table that has it."""
    names = [column.name for column in table.dimensions]
    keyed = [{**row, "dimension_hash": hash_of([row[name] for name in names])} for row in rows]
    return list({tuple(row[name] for name in table.key_columns): row for row in keyed}.values())


def _without_lengths(texts: Texts) -> str:
    """Return texts one after another: where one ends and the next begins is lost."""
    return "".join(text or "" for text in texts)


def _without_looks(texts: Texts) -> str:
    """Return texts as a usual collation compares them: without case, accents and spaces at the end."""
    return "|".join(_plain(text or "") for text in texts)


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.rstrip().casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


BAD_KEYS: Final[dict[str, Hash]] = {
    "key by text under a collation": _hashed(_without_looks),
    "hash without length prefixes": _hashed(_without_lengths),
}
