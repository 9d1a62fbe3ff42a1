"""Keys as one might make them without a second thought, in the place of the warehouse's."""

import hashlib
import unicodedata
from collections.abc import Callable
from typing import Final

from dataflows.contracts.reports import ReportTable
from tests.serving.unloads import Row

Texts = tuple[str | None, ...]
Rekey = Callable[[ReportTable, list[Row]], list[Row]]


def as_they_are(_: ReportTable, rows: list[Row]) -> list[Row]:
    """Return rows with the keys they have."""
    return rows


def _by(key_text: Callable[[Texts], str]) -> Rekey:
    """Return what gives rows another key; of rows with the same key one is left, as in a table that has it."""

    def rekey(table: ReportTable, rows: list[Row]) -> list[Row]:
        names = [column.name for column in table.dimensions]
        keyed = [
            {**row, "dimension_hash": hashlib.sha256(key_text(tuple(row[name] for name in names)).encode()).hexdigest()}
            for row in rows
        ]
        return list({tuple(row[name] for name in table.key_columns): row for row in keyed}.values())

    return rekey


def _without_lengths(texts: Texts) -> str:
    """Return texts one after another: where one ends and the next begins is lost."""
    return "".join(text or "" for text in texts)


def _without_looks(texts: Texts) -> str:
    """Return texts as a usual collation compares them: without case, accents and spaces at the end."""
    return "|".join(_plain(text or "") for text in texts)


def _plain(text: str) -> str:
    parts = unicodedata.normalize("NFD", text.rstrip().casefold())
    return "".join(part for part in parts if not unicodedata.combining(part))


BAD_KEYS: Final[dict[str, Rekey]] = {
    "key by text under a collation": _by(_without_looks),
    "hash without length prefixes": _by(_without_lengths),
}
