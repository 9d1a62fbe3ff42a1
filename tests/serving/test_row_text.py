"""Literals built from whole columns are those that the driver makes of each value."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from itertools import product
from random import Random

import pyarrow as pa
import pytest
from pymysql.converters import escape_string

from dataflows.contracts.reports import REPORT_TABLES
from serving.row_text import RowTexts
from serving.schemas import data_schema
from tests.serving.unloads import report_row

DAY = date(2026, 11, 1)
CUSTOM = REPORT_TABLES["custom"]
PIECES = [
    "\\",
    "'",
    '"',
    "\0",
    "\n",
    "\r",
    "\t",
    "\x1a",
    "%",
    "_",
    ",",
    ";",
    "é",
    "e\u0301",
    "😀",
    "\u202e",
    " ",
    "a",
    "N",
]


def hostile_texts() -> list[str | None]:
    random = Random(20261125)  # noqa: S311 - repeatable, not secret
    pairs = ["".join(pair) for pair in product(PIECES, repeat=2)]
    long = ["".join(random.choices(PIECES, k=random.randrange(3, 40))) for _ in range(500)]
    return [None, "", "null", "NULL", "\\N", *PIECES, *pairs, *long, "'" * 65_535]


def texts_of(**columns: Sequence[object]) -> RowTexts:
    count = len(next(iter(columns.values())))
    unused = {column.name: None for column in CUSTOM.metrics}
    rows = [report_row(CUSTOM, "123", DAY, ("x",), report_id="custom_seen", **unused) for _ in range(count)]
    blank = {name: [row[name] for row in rows] for name in data_schema(CUSTOM).names}
    return RowTexts(CUSTOM, pa.record_batch({**blank, **columns}, schema=data_schema(CUSTOM)))


def test_texts_are_escaped_as_the_driver_does() -> None:
    texts = hostile_texts()

    values = texts_of(d1=texts).values()

    assert values.columns == (*CUSTOM.key_columns, "d1")
    for text, row in zip(texts, values.texts.to_pylist(), strict=True):
        literal = "null" if text is None else f"'{escape_string(text)}'"
        assert row.endswith(f"',{literal}"), repr(text)


@pytest.mark.parametrize(
    "number",
    ["0", "-0.0000000001", "0.0000000001", "1E-7", "9999999999999999999999999999.9999999999", "-12345678.1", "1E+20"],
)
def test_decimals_have_all_places_and_no_exponent(number: str) -> None:
    numbers = texts_of(m1=[Decimal(number)]).numbers()

    assert numbers.to_pylist()[0].split(",")[0] == f"{Decimal(number):.10f}"


def test_columns_without_any_value_are_left_out() -> None:
    values = texts_of(m1=[Decimal(1), None], m2=[None, None], m3=[None, Decimal(3)]).values()

    assert {"m1", "m3"} <= set(values.columns)
    assert "m2" not in values.columns
    assert values.texts.to_pylist()[1].endswith("null,3.0000000000")


def test_slices_and_filters_keep_rows_and_texts_together() -> None:
    texts = texts_of(m1=[Decimal(number) for number in range(10)]).with_numbers().with_values()

    some = texts.slice(2, 8).filter(pa.array([True, False] * 3))

    assert [text.split(",")[0] for text in some.numbers().to_pylist()] == [f"{number:.10f}" for number in (2, 4, 6)]
    assert [
        text.endswith(f"{number:.10f}") for text, number in zip(some.values().texts.to_pylist(), (2, 4, 6), strict=True)
    ]
