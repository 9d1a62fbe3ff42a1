"""Parts with other columns than their report, or other types."""

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from functools import partial
from random import Random

import pyarrow as pa

from dataflows.contracts.reports import REPORT_TABLES
from serving.schemas import control_schema, data_schema
from tests.faults.files.kinds import Variants, kind
from tests.faults.files.unloaded import TABLE, Spoil, Unloaded

Change = Callable[[pa.Table], pa.Table]
_NAMES = data_schema(TABLE).names


def reshaped(change: Change, *, part_kind: str = "data", number: int = 0) -> Spoil:
    """Return what puts a part of other columns in a part's place."""

    def spoil(unloaded: Unloaded) -> None:
        unloaded.put_table(change(unloaded.table(number, part_kind)), kind=part_kind, number=number)

    return spoil


@kind("renamed column")
def renamed(random: Random) -> Variants:
    for name in random.sample(_NAMES, 4):
        yield name, "schema_mismatch", reshaped(partial(_renamed, name, f"{name}_"))
    yield "upper case", "schema_mismatch", reshaped(partial(_renamed, "sessions", "SESSIONS"))
    yield (
        "two exchanged",
        "schema_mismatch",
        reshaped(
            lambda table: _renamed(
                "x", "sessions", _renamed("sessions", "new_users", _renamed("new_users", "x", table))
            )
        ),
    )
    yield (
        "in the control rows",
        "schema_mismatch",
        reshaped(partial(_renamed, "sum_sessions", "sum_of_sessions"), part_kind="control"),
    )


def _renamed(old: str, new: str, table: pa.Table) -> pa.Table:
    return table.rename_columns([new if name == old else name for name in table.column_names])


@kind("reordered columns")
def reordered(random: Random) -> Variants:
    for number in range(3):
        names = random.sample(_NAMES, len(_NAMES))
        yield f"{number}", "schema_mismatch", reshaped(lambda table, names=names: table.select(names))  # type: ignore[misc]
    yield "two metrics", "schema_mismatch", reshaped(partial(_swapped, "sessions", "new_users"))
    yield "two dimensions", "schema_mismatch", reshaped(partial(_swapped, "session_source", "session_medium"))


def _swapped(one: str, other: str, table: pa.Table) -> pa.Table:
    places = {one: other, other: one}
    return table.select([places.get(name, name) for name in table.column_names])


@kind("extra column")
def extra(_: Random) -> Variants:
    for place in (0, 4, len(_NAMES)):
        yield f"at {place}", "schema_mismatch", reshaped(partial(_extra, place, "new_column"))
    yield "one twice", "schema_mismatch", reshaped(partial(_extra, len(_NAMES), "sessions"))
    yield "in the control rows", "schema_mismatch", reshaped(partial(_extra, 0, "new_column"), part_kind="control")


def _extra(place: int, name: str, table: pa.Table) -> pa.Table:
    return table.add_column(place, name, pa.array(range(table.num_rows)))


@kind("missing column")
def missing(random: Random) -> Variants:
    for name in ["property_id", "dimension_hash", *random.sample(_NAMES[3:], 3)]:
        yield name, "schema_mismatch", reshaped(lambda table, name=name: table.drop_columns([name]))  # type: ignore[misc]
    yield "all but one", "schema_mismatch", reshaped(lambda table: table.select(["sessions"]))
    yield (
        "in the control rows",
        "schema_mismatch",
        reshaped(lambda table: table.drop_columns(["row_count"]), part_kind="control"),
    )


@kind("another report's columns")
def another_report(_: Random) -> Variants:
    for name in ("daily_totals", "events", "custom"):
        empty = data_schema(REPORT_TABLES[name]).empty_table()
        yield name, "schema_mismatch", reshaped(lambda _, empty=empty: empty)  # type: ignore[misc]
    control = control_schema(REPORT_TABLES["custom"]).empty_table()
    yield "custom control rows", "schema_mismatch", reshaped(lambda _: control, part_kind="control")


@kind("wrong type")
def wrong_type(_: Random) -> Variants:
    types = {
        "sessions": [pa.int32(), pa.uint64(), pa.string(), pa.decimal128(38, 10), pa.bool_()],
        "total_revenue": [pa.decimal128(37, 10), pa.decimal128(38, 2), pa.decimal256(50, 10), pa.string()],
        "date": [pa.timestamp("us"), pa.string(), pa.int32()],
        "session_source": [pa.binary(), pa.large_string(), pa.list_(pa.string())],
        "property_id": [pa.int64()],
    }
    for name, kinds in types.items():
        for type_ in kinds:
            yield f"{name} as {type_}", "schema_mismatch", reshaped(partial(_typed, name, type_))
    yield (
        "generation as text",
        "schema_mismatch",
        reshaped(partial(_typed, "generation", pa.string()), part_kind="control"),
    )


def _typed(name: str, type_: pa.DataType, table: pa.Table) -> pa.Table:
    place = table.column_names.index(name)
    column = table.column(name)
    if pa.types.is_list(type_):
        values = pa.array([[value] for value in column.to_pylist()], type_)
    elif pa.types.is_boolean(type_):
        values = pa.array([True] * table.num_rows)
    else:
        values = pa.array([_value(value, type_) for value in column.to_pylist()], type_)
    return table.set_column(place, name, values)


def _value(value: object, type_: pa.DataType) -> object:
    if pa.types.is_timestamp(type_):
        return datetime.fromisoformat(str(value))
    if value is None:
        return None
    if pa.types.is_string(type_) or pa.types.is_large_string(type_):
        return str(value)
    if pa.types.is_decimal(type_):
        return Decimal(str(value)).quantize(Decimal(1).scaleb(-type_.scale))
    if pa.types.is_integer(type_):
        return 20_261_101
    return value


@kind("NaN and infinity")
def not_a_number(_: Random) -> Variants:
    for value in ("nan", "inf", "-inf", "1e308", "-0.0"):
        yield value, "schema_mismatch", reshaped(partial(_floats, "total_revenue", pa.float64(), float(value)))
    yield "single precision", "schema_mismatch", reshaped(partial(_floats, "sessions", pa.float32(), float("nan")))
    yield (
        "in the control rows",
        "schema_mismatch",
        reshaped(partial(_floats, "sum_total_revenue", pa.float64(), float("inf")), part_kind="control"),
    )


def _floats(name: str, type_: pa.DataType, value: float, table: pa.Table) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array([value] * table.num_rows, type_))


@kind("dates that no calendar has")
def no_dates(_: Random) -> Variants:
    for days in (2**31 - 1, -(2**31), 2_932_897, -719_163):
        yield f"day {days}", "date_out_of_range", reshaped(partial(_dated, days))
    yield "in the control rows", "date_out_of_range", reshaped(partial(_dated, 2**31 - 1), part_kind="control")


def _dated(days: int, table: pa.Table) -> pa.Table:
    dates = pa.array([days] * table.num_rows, pa.int32()).cast(pa.date32())
    return table.set_column(table.column_names.index("date"), "date", dates)
