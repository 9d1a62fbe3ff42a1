"""Rows of partitions, and how they change from one generation to the next."""

from decimal import Decimal
from random import Random
from typing import Final

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import CUSTOM_TABLE, REPORT_TABLES, Column, ReportTable
from serving.control import PartitionKey
from tests.serving.unloads import Row, report_row

# Texts that a collation, a missing length or a trimmed space would take for one another.
_ONE: Final = (
    ("page",),
    ("Page",),
    ("page ",),
    ("pag\N{LATIN SMALL LETTER E WITH ACUTE}",),
    ("page\N{COMBINING ACUTE ACCENT}",),
    ("",),
    (None,),
    ("p\N{GRINNING FACE}",),
)
_MORE: Final = (
    ("ab", "c"),
    ("a", "bc"),
    ("abc", ""),
    ("AB", "c"),
    ("ab ", "c"),
    ("", "abc"),
    (None, "abc"),
    ("\N{LATIN SMALL LETTER A WITH ACUTE}b", "c"),
)
_MOST_ROWS: Final = 5


def table_of(key: PartitionKey) -> ReportTable:
    """Return the table a partition lies in."""
    return REPORT_TABLES.get(key.report_id, REPORT_TABLES[CUSTOM_TABLE])


def first_rows(rng: Random, key: PartitionKey) -> list[Row]:
    """Return the rows of a partition's first generation; now and then there are none."""
    return [_row(rng, key, texts) for texts in rng.sample(_texts(key), rng.choice((0, 2, 3, 4, _MOST_ROWS)))]


def plain_row(rng: Random, key: PartitionKey, name: str) -> Row:
    """Return a row of a report with one dimension."""
    return _row(rng, key, (name,))


def next_rows(rng: Random, key: PartitionKey, rows: list[Row]) -> tuple[list[Row], set[str]]:
    """Return the rows of the next generation, and in which ways they differ; now and then in none."""
    if rows and rng.random() < 0.12:
        return [], {"day_emptied"}
    kept = [row for row in rows if rng.random() < 0.75]
    new = [_changed(rng, key, row) if rng.random() < 0.35 else row for row in kept]
    known = {row["dimension_hash"] for row in rows}
    others = [row for row in (_row(rng, key, texts) for texts in _texts(key)) if row["dimension_hash"] not in known]
    added = rng.sample(others, min(len(others), rng.choice((0, 0, 1, 2)), _MOST_ROWS))
    ways = {"rows_changed": new != kept, "rows_vanished": len(kept) < len(rows), "rows_added": bool(added)}
    return new + added, {way for way, is_so in ways.items() if is_so}


def _texts(key: PartitionKey) -> tuple[tuple[str | None, ...], ...]:
    table = table_of(key)
    if len(table.dimensions) == 1:
        return _ONE
    filling = () if table.is_custom else ("x",) * (len(table.dimensions) - 2)
    return tuple((*texts, *filling) for texts in _MORE)


def _row(rng: Random, key: PartitionKey, texts: tuple[str | None, ...]) -> Row:
    table = table_of(key)
    report = {"report_id": key.report_id} if table.is_custom else {}
    is_zero = rng.random() < 0.3  # a sum does not miss it
    numbers = {column.name: 0 if is_zero else _number(rng, column) for column in (*table.metrics, *table.computed)}
    return report_row(table, key.property_id, key.date, texts, **report, **numbers)


def _changed(rng: Random, key: PartitionKey, row: Row) -> Row:
    table = table_of(key)
    column = rng.choice((*table.metrics, *table.computed))
    return {**row, column.name: row[column.name] + 1 + _number(rng, column)}


def _number(rng: Random, column: Column) -> int | Decimal:
    return Decimal(rng.randrange(1, 900)) / 100 if column.type is FieldType.DECIMAL else rng.randrange(1, 10)
