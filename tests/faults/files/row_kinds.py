"""Parts of the right form with wrong rows."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, Final

import pyarrow as pa

from dataflows.contracts.keys import dimension_hash
from tests.faults.files.file_kinds import changed
from tests.faults.files.kinds import Variants, kind
from tests.faults.files.unloaded import OTHER_DAY, TABLE, Spoil, Unloaded
from tests.serving.unloads import Row

Change = Callable[[list[Row]], list[Row]]
_LARGEST: Final = Decimal("9999999999999999999999999999.9999999999")
_WRAPPED: Final = Decimal("-4028236692093846346337460743.1768211459")  # three of them in 128 bits
_NOT_THERE: Final = "999"


def rows(change: Change) -> Spoil:
    """Return what writes other rows; what is announced stays as it was."""
    return lambda unloaded: unloaded.write_rows(change(unloaded.rows), unloaded.rows)


def _with(place: int, values: dict[str, Any], found: list[Row]) -> list[Row]:
    return [{**row, **values} if number == place else row for number, row in enumerate(found)]


@kind("overflow")
def overflow(_: Random) -> Variants:
    yield "sums of more than 38 digits", "sum_mismatch", partial(_overflow, _LARGEST)
    yield "sums as 128 bits have them", "sum_mismatch", partial(_overflow, _WRAPPED)
    yield "whole numbers", "sum_mismatch", rows(partial(_with, 0, {"sessions": 2**63 - 1}))
    yield "smallest whole numbers", "sum_mismatch", rows(partial(_with, 0, {"sessions": -(2**63)}))


def _overflow(announced: Decimal, unloaded: Unloaded) -> None:
    found = unloaded.rows
    for number in range(3):
        found = _with(number, {"total_revenue": _LARGEST}, found)
    for number in range(3, len(found) // 2):
        found = _with(number, {"total_revenue": Decimal(0)}, found)
    unloaded.write_rows(found, unloaded.rows)
    unloaded.change_control(sum_total_revenue=announced)


@kind("dates that were not announced")
def other_dates(_: Random) -> Variants:
    for day in (OTHER_DAY, date(2026, 10, 31), date(1970, 1, 1), date(9999, 12, 31)):
        yield f"all on {day}", "row_not_announced", rows(lambda found, day=day: [{**row, "date": day} for row in found])  # type: ignore[misc]
    yield "the last row", "row_count_mismatch", rows(lambda found: [*found[:-1], {**found[-1], "date": OTHER_DAY}])


@kind("dates that can't be")
def impossible_dates(_: Random) -> Variants:
    for day in (date(9999, 12, 31), date(2199, 1, 1), date(1970, 1, 1), date(2015, 8, 13), date(1, 1, 1)):
        yield str(day), "date_out_of_range", partial(_move_to, day)


def _move_to(day: date, unloaded: Unloaded) -> None:
    moved = sorted(({**row, "date": day} for row in unloaded.rows[:5]), key=lambda row: str(row["dimension_hash"]))
    unloaded.write_rows(moved)
    unloaded.writer.write_control(unloaded.writer.control_rows(moved, {(unloaded.property_id, day): 2}))


@kind("another property's rows")
def another_property(_: Random) -> Variants:
    yield "all", "row_not_announced", rows(lambda found: [{**row, "property_id": _NOT_THERE} for row in found])
    yield "the last", "row_count_mismatch", rows(_last_of_another)
    yield "one more", "row_not_announced", rows(lambda found: [*found, {**found[-1], "property_id": _NOT_THERE}])
    yield (
        "with a leading zero",
        "row_not_announced",
        rows(lambda found: [{**row, "property_id": f"0{row['property_id']}"} for row in found]),
    )


def _last_of_another(found: list[Row]) -> list[Row]:
    return [*found[:-1], {**found[-1], "property_id": _NOT_THERE}]


@kind("no value in a key")
def no_key(random: Random) -> Variants:
    for name in TABLE.key_columns:
        for place in (0, random.randrange(1, 7)):
            yield f"{name} of row {place}", "key_missing", rows(partial(_with, place, {name: None}))


@kind("repeated rows")
def repeated(random: Random) -> Variants:
    for number in range(3):
        place = random.randrange(6)
        spoil = rows(lambda found, place=place: [*found[: place + 1], found[place], *found[place + 1 :]])  # type: ignore[misc]
        yield f"{number}: row {place}", "rows_unordered", spoil
    yield "over two parts", "rows_unordered", rows(lambda found: [*found[:8], found[7], *found[8:]])
    yield "all", "rows_unordered", rows(lambda found: found + found)
    yield "each", "rows_unordered", rows(lambda found: [row for row in found for _ in range(2)])


@kind("unordered rows")
def unordered(random: Random) -> Variants:
    yield "days", "rows_unordered", rows(lambda found: found[6:] + found[:6])
    yield "backwards within days", "rows_unordered", rows(lambda found: found[5::-1] + found[:5:-1])
    for number in range(3):
        place = random.randrange(5)
        yield f"{number}: two at {place}", "rows_unordered", rows(partial(_exchanged, place))


def _exchanged(place: int, found: list[Row]) -> list[Row]:
    return [*found[:place], found[place + 1], found[place], *found[place + 2 :]]


@kind("not a hash")
def not_a_hash(_: Random) -> Variants:
    texts: dict[str, Callable[[str], str]] = {
        "upper case": str.upper,
        "short": lambda text: text[:-1],
        "empty": lambda _: "",
        "not hex": lambda text: "g" + text[1:],
        "with a line break": lambda text: text[:-1] + "\n",
        "in full width": lambda text: text[0] + "\N{FULLWIDTH DIGIT ONE}" * 21,
    }
    for name, change in texts.items():
        yield name, "bad_hash", rows(partial(_rehashed, change))
    for length in (65, 100_000):
        yield f"{length} digits", "text_too_long", rows(partial(_with, 0, {"dimension_hash": "0" * length}))


def _rehashed(change: Callable[[str], str], found: list[Row]) -> list[Row]:
    return _with(0, {"dimension_hash": change(found[0]["dimension_hash"])}, found)


@kind("hash of other values")
def other_hash(_: Random) -> Variants:
    changes: dict[str, dict[str, Any]] = {
        "another source": {"session_source": "source 999"},
        "a space more": {"session_medium": "(none) "},
        "empty instead of null": {"session_campaign_name": ""},
        "null instead of a value": {"country": None},
        "decomposed": {"country": "Ko\u0308ln"},
        "upper case": {"country": "KÖLN"},
        "exchanged values": {"session_medium": "Organic", "session_default_channel_group": "(none)"},
        "joined values": {"session_medium": "", "session_default_channel_group": "Organic(none)"},
    }
    for name, values in changes.items():
        yield name, "hash_mismatch", rows(partial(_with, 3, values))
    yield "of one value less", "hash_mismatch", rows(_hashed_without_country)


def _hashed_without_country(found: list[Row]) -> list[Row]:
    names = [column.name for column in TABLE.dimensions][:-1]
    hashed = [{**row, "dimension_hash": dimension_hash([row[name] for name in names])} for row in found]
    return sorted(hashed, key=lambda row: (row["date"], row["dimension_hash"]))


@kind("text that is no UTF-8")
def no_utf8(_: Random) -> Variants:
    for name, wrong in {
        "a lone byte": b"\xff",
        "a surrogate": b"\xed\xa0\x80",
        "an overlong slash": b"\xc0\xaf",
    }.items():
        yield name, "part_broken", changed(partial(_replaced, wrong))
    yield "half a letter", "part_broken", changed(lambda body: body.replace("Köln".encode(), b"K\xc3\xc3ln"))


def _replaced(wrong: bytes, body: bytes) -> bytes:
    return body.replace(b"Organic"[: len(wrong)], wrong)


@kind("text that is too long")
def too_long(_: Random) -> Variants:
    yield "a dimension", "text_too_long", rows(partial(_with, 0, {"session_source": "x" * 65_536}))
    yield "a dimension of four-byte letters", "text_too_long", rows(partial(_with, 0, {"country": "😀" * 16_384}))
    yield "a property", "text_too_long", rows(lambda found: [{**row, "property_id": "1" * 65} for row in found])


@kind("rows miscounted")
def miscounted(_: Random) -> Variants:
    yield "one row left out", "row_count_mismatch", rows(lambda found: found[1:])
    yield "a day left out", "row_count_mismatch", rows(lambda found: found[:6])
    yield "one row more", "row_count_mismatch", rows(_one_more)
    yield (
        "no rows",
        "row_count_mismatch",
        lambda unloaded: unloaded.put_table(pa.Table.from_batches([], schema=unloaded.table().schema)),
    )


def _one_more(found: list[Row]) -> list[Row]:
    values = ("Organic", "source more", None, None, None)
    names = [column.name for column in TABLE.dimensions]
    added = {**found[0], **dict(zip(names, values, strict=True)), "dimension_hash": dimension_hash(values)}
    return sorted([*found, added], key=lambda row: (row["date"], row["dimension_hash"]))


@kind("sums that differ")
def other_sums(random: Random) -> Variants:
    for column in TABLE.metrics:
        change = Decimal("1e-10") if column.name == "total_revenue" else 1
        place = random.randrange(12)
        yield f"{column.name} of row {place}", "sum_mismatch", rows(partial(_added, place, column.name, change))
    yield "null", "sum_mismatch", rows(partial(_with, 0, {"sessions": None}))


def _added(place: int, name: str, change: Decimal | int, found: list[Row]) -> list[Row]:
    return _with(place, {name: found[place][name] + change}, found)
