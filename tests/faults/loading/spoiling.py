"""Unloads that are not what they say they are: each kind has to be quarantined whole."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Final

from tests.serving.unloads import Row, UnloadWriter

Objects = dict[str, bytes]
Spoil = Callable[[UnloadWriter, Objects, list[Row], list[Row]], None]
"""Called with the writer, the objects, and the rows of data and control as they should be."""


def _truncate(writer: UnloadWriter, objects: Objects, _: list[Row], __: list[Row]) -> None:
    key = _parts(writer, objects, "data")[-1]
    objects[key] = objects[key][:-9]


def _remove_part(writer: UnloadWriter, objects: Objects, _: list[Row], __: list[Row]) -> None:
    del objects[_parts(writer, objects, "data")[-1]]


def _remove_data_manifest(writer: UnloadWriter, objects: Objects, _: list[Row], __: list[Row]) -> None:
    del objects[_key(writer, "data", "manifest")]


def _remove_control_part(writer: UnloadWriter, objects: Objects, _: list[Row], __: list[Row]) -> None:
    del objects[_parts(writer, objects, "control")[-1]]


def _leave_part_out(writer: UnloadWriter, objects: Objects, rows: list[Row], control: list[Row]) -> None:
    """As an unload that broke off after some parts: its manifest is true of what is there, but that is not all."""
    _remove_part(writer, objects, rows, control)
    key = _key(writer, "data", "manifest")
    objects[key] = json.dumps({"entries": json.loads(objects[key])["entries"][:-1]}).encode()


def _lose_row(writer: UnloadWriter, objects: Objects, rows: list[Row], control: list[Row]) -> None:
    """Only the count tells: the row has no numbers, or the control row counts one that never was."""
    numbers = [column.name for column in writer.table.metrics]
    lost = next((row for row in rows if len(rows) > 1 and not any(row[name] for name in numbers)), None)
    if lost is not None:
        _write_other_data(writer, objects, [row for row in rows if row is not lost])
    else:
        _announce_other_count(writer, objects, rows, control)


def _change_value(writer: UnloadWriter, objects: Objects, rows: list[Row], __: list[Row]) -> None:
    """Only a sum tells."""
    name = writer.table.metrics[-1].name
    _write_other_data(writer, objects, [*rows[:-1], {**rows[-1], name: rows[-1][name] + 1}])


def _announce_other_sum(writer: UnloadWriter, _: Objects, __: list[Row], control: list[Row]) -> None:
    name = f"sum_{writer.table.metrics[0].name}"
    writer.write_control([{**row, name: row[name] + 1} for row in control])


def _announce_other_count(writer: UnloadWriter, _: Objects, __: list[Row], control: list[Row]) -> None:
    writer.write_control([{**row, "row_count": row["row_count"] + 1} for row in control])


def _write_other_data(writer: UnloadWriter, objects: Objects, rows: list[Row]) -> None:
    for key in _parts(writer, objects, "data"):
        del objects[key]
    writer.write_data(rows)


SPOILT: Final[dict[str, Spoil]] = {
    "truncated_part": _truncate,
    "missing_part": _remove_part,
    "missing_data_manifest": _remove_data_manifest,
    "missing_control_part": _remove_control_part,
    "part_left_out": _leave_part_out,
    "count_disagrees": _lose_row,
    "sum_disagrees": _change_value,
    "control_sum_disagrees": _announce_other_sum,
    "control_count_disagrees": _announce_other_count,
}
SPOILT_DATA: Final = tuple(SPOILT)
SPOILT_WITHOUT_DATA: Final = ("missing_control_part", "control_sum_disagrees", "control_count_disagrees")


def write_unload(
    writer: UnloadWriter,
    objects: Objects,
    rows: list[Row],
    generations: Mapping[tuple[Any, ...], int],
    kind: str | None,
) -> str:
    """Write an unload, spoilt in the way that `kind` names if it does; return the key of its control manifest."""
    ordered = sorted(rows, key=lambda row: tuple(row[name] for name in writer.table.key_columns))
    key = writer.write(ordered, generations)
    if kind:
        SPOILT[kind](writer, objects, ordered, writer.control_rows(ordered, generations))
    return key


def _key(writer: UnloadWriter, folder: str, name: str) -> str:
    return f"{writer.bucket}/{writer.table.name}/{writer.run_id}/{folder}/{name}"


def _parts(writer: UnloadWriter, objects: Objects, folder: str) -> list[str]:
    prefix = _key(writer, folder, "")
    return sorted(key for key in objects if key.startswith(prefix) and not key.endswith("manifest"))
