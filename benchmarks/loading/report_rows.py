"""Rows of a report as the warehouse would hold them: a day's old state, and what a restatement makes of it.

The same arguments always give the same rows. A property has the same pages every day, and other numbers.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from functools import cache
from typing import Any, Final, TypeAlias

import numpy as np
import pyarrow as pa

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.keys import dimension_hash
from dataflows.contracts.reports import REPORT_TABLES, Column, ReportTable
from serving.schemas import DECIMAL, data_schema

FIRST_DAY: Final = date(2024, 1, 1)
PROPERTY_ID: Final = "310000001"
REPORT_ID: Final = "custom_pages_by_country"

_METRICS: Final = 6
_SECTIONS: Final = ("products", "articles", "help", "recherche", "über-uns", "campaign")
_COUNTRIES: Final = ("Germany", "United States", "Japan", "Côte d’Ivoire", "Brazil", "India", None)
_CHANNELS: Final = ("Organic Search", "Direct", "Paid Search", "Referral", "Email", "Organic Social", "(other)")
# What real page paths also hold: one row in fifty goes wrong where quoting does.
_ODD_ENDINGS: Final = ("?q='quoted'", "?q=back\\slash", "?q=😀", '?q="title"')

Numbers: TypeAlias = "np.ndarray[Any, np.dtype[np.int64]]"


@dataclass(frozen=True)
class Day:
    """One partition to be made, with the number of rows of its old state."""

    date: date
    rows: int


def days(rows: int, rows_a_day: int) -> Iterator[Day]:
    """Yield days, in order, that hold `rows` rows together; the last one may be shorter."""
    for number, start in enumerate(range(0, rows, rows_a_day)):
        yield Day(FIRST_DAY + timedelta(days=number), min(rows_a_day, rows - start))


def day_rows(table: ReportTable, day: Day, *, is_restated: bool) -> pa.Table:
    """Return a day's rows by rising hash. Restated: 10 % have other numbers, 1 % are new, 1 % gone, evenly spread."""
    combinations = _combinations(table.name, day.rows + day.rows // 100)
    numbers = combinations.column("number").to_numpy()
    is_there = numbers < day.rows
    if is_restated:
        is_there = ~(is_there & (numbers % 100 == 50))
    kept = combinations.filter(pa.array(is_there))
    columns = {name: kept.column(name) for name in kept.column_names}
    columns |= _numbers(table, day, kept.column("number").to_numpy(), is_restated=is_restated)
    columns |= _partition(table, day, kept.num_rows)
    schema = data_schema(table)
    return pa.table({name: columns[name] for name in schema.names}, schema=schema)


@cache
def _combinations(table_name: str, count: int) -> pa.Table:
    """Return so many different combinations of dimension values, each numbered, by rising hash."""
    names = [column.name for column in REPORT_TABLES[table_name].dimensions]
    rows = [_combination(names, number) for number in range(count)]
    text = {name: pa.string() for name in ("dimension_hash", *names)}
    combinations = pa.Table.from_pylist(rows, schema=pa.schema({"number": pa.int64(), **text}))
    return combinations.sort_by("dimension_hash").combine_chunks()


def _combination(names: list[str], number: int) -> dict[str, Any]:
    texts = [_TEXTS[name](number) if name in _TEXTS else None for name in names]
    return {"number": number, "dimension_hash": dimension_hash(texts), **dict(zip(names, texts, strict=True))}


def _scattered(number: int, salt: int) -> int:
    return (number + salt) * 2_654_435_761 % 2**32 >> 8  # Knuth's multiplicative hash


def _choice(salt: int, *values: str | None) -> Callable[[int], str | None]:
    return lambda number: values[_scattered(number, salt) % len(values)]


def _page_path(number: int) -> str:
    ending = _ODD_ENDINGS[number // 50 % 4] if number % 50 == 7 else ""
    return f"/{_SECTIONS[number % 6]}/item-{number:07}-{_scattered(number, 1) % 10**6}{ending}"


_TEXTS: Final[dict[str, Callable[[int], str | None]]] = {
    "host_name": _choice(2, "www.example.com", "shop.example.com"),
    "page_path": _page_path,
    "page_title": lambda number: f"Item {number} – {_SECTIONS[number % 6].title()} | Example’s shop",
    "d1": _page_path,
    "d2": _choice(3, *_COUNTRIES),
    "d3": _choice(4, *_CHANNELS),
    "d4": _choice(5, "desktop", "mobile", "tablet"),
}


def _numbers(table: ReportTable, day: Day, rows: Numbers, *, is_restated: bool) -> dict[str, pa.Array]:
    chance = np.random.default_rng(day.date.toordinal())
    is_changed = (rows % 10 == 5) & np.bool_(is_restated)
    used = {
        column.name: _metric(column, chance.integers(0, 5_000, day.rows * 2)[rows], is_changed)
        for column in table.metrics[:_METRICS]
    }
    unused = {column.name: pa.nulls(len(rows), DECIMAL) for column in table.metrics[_METRICS:]}
    computed = {column.name: pa.repeat(pa.scalar(123_456, pa.int64()), len(rows)) for column in table.computed}
    return {**used, **unused, **computed}


def _metric(column: Column, values: Numbers, is_changed: "np.ndarray[Any, np.dtype[np.bool_]]") -> pa.Array:
    counts = pa.array(values + is_changed)
    if column.type is FieldType.INTEGER:
        return counts
    return pa.compute.multiply(counts.cast(pa.decimal128(19, 0)), pa.scalar(Decimal("1.37"))).cast(DECIMAL)


def _partition(table: ReportTable, day: Day, count: int) -> dict[str, pa.Array]:
    values = {"property_id": PROPERTY_ID, "report_id": REPORT_ID, "date": day.date}
    return {name: pa.repeat(pa.scalar(values[name]), count) for name in table.partition_columns}
