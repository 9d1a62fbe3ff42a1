"""Control rows that can't be true, or that the data rows do not bear out."""

from decimal import Decimal
from functools import partial
from random import Random
from typing import Any

from tests.faults.files.kinds import Variants, kind
from tests.faults.files.unloaded import DAYS, TABLE, Spoil, Unloaded


def announced(**changes: Any) -> Spoil:
    """Return what announces something else of the first partition."""
    return lambda unloaded: unloaded.change_control(**changes)


@kind("control rows that are incomplete")
def incomplete(_: Random) -> Variants:
    for name in ("property_id", "date", "generation", "row_count", "sum_sessions", "sum_total_revenue"):
        yield name, "control_incomplete", announced(**{name: None})


@kind("control rows that can't be true")
def impossible(_: Random) -> Variants:
    for generation in (0, -1, -(2**63)):
        yield f"generation {generation}", "control_invalid", announced(generation=generation)
    for generation in (1_000_002, 2**63 - 1):  # after the first
        yield f"generation {generation}", "generation_too_far", announced(generation=generation)
    yield "fewer than no rows", "control_invalid", announced(row_count=-1)
    for property_id in ("", "abc", "1; DROP TABLE report_pages", "12 ", "१२३", "1" * 19, "<b>1</b>", "1\n"):
        yield f"property {property_id!r}", "control_invalid", announced(property_id=property_id)


@kind("control rows that repeat themselves")
def repeated(_: Random) -> Variants:
    yield "one", "control_repeated", partial(_repeat, 1)
    yield "all", "control_repeated", partial(_repeat, 2)


def _repeat(count: int, unloaded: Unloaded) -> None:
    found = unloaded.writer.control_rows(unloaded.rows, unloaded.generations)
    unloaded.writer.write_control([*found, *found[:count]])


@kind("no control rows")
def none(_: Random) -> Variants:
    yield "a part without rows", "control_empty", lambda unloaded: unloaded.writer.write_control([])
    yield "a manifest without parts", "control_empty", _no_parts


def _no_parts(unloaded: Unloaded) -> None:
    unloaded.put_manifest({"entries": []}, "control")
    unloaded.remove(unloaded.part_key(kind="control"))


@kind("another number of rows announced")
def other_counts(_: Random) -> Variants:
    for count in (0, 5, 7, 10**12):
        yield f"{count} for 6", "row_count_mismatch", announced(row_count=count)
    yield "a day without rows", "row_count_mismatch", _announce_another_day
    yield "only one day", "row_not_announced", _announce_one_day


def _announce_another_day(unloaded: Unloaded) -> None:
    found = unloaded.writer.control_rows(unloaded.rows, unloaded.generations)
    unloaded.writer.write_control([*found, {**found[0], "date": DAYS[0].replace(month=10)}])


def _announce_one_day(unloaded: Unloaded) -> None:
    unloaded.writer.write_control(unloaded.writer.control_rows(unloaded.rows, unloaded.generations)[:1])


@kind("other sums announced")
def other_sums(_: Random) -> Variants:
    for column in TABLE.metrics:
        yield column.name, "sum_mismatch", announced(**{f"sum_{column.name}": Decimal("0.0000000001")})


@kind("more control rows than there can be")
def too_many(_: Random) -> Variants:
    yield "one more", "control_too_large", partial(_announce_many, 1)


def _announce_many(more: int, unloaded: Unloaded) -> None:
    row = unloaded.writer.control_rows(unloaded.rows, unloaded.generations)[0]
    unloaded.writer.write_control([row] * (50_000 + more))
