"""Unloads with objects too few or too many."""

from functools import partial
from random import Random
from typing import Final

from tests.faults.files.kinds import Variants, kind
from tests.faults.files.unloaded import Unloaded

_NAMES: Final = ("0002_part_00.parquet", "0000_part_00.parquet.tmp", "old/0000_part_00.parquet", "_SUCCESS")


@kind("part missing")
def part_missing(_: Random) -> Variants:
    yield "the first", "part_missing", lambda unloaded: unloaded.remove(unloaded.part_key(0))
    yield "the last", "part_missing", lambda unloaded: unloaded.remove(unloaded.part_key(1))
    yield "both", "part_missing", lambda unloaded: unloaded.remove(unloaded.part_key(0), unloaded.part_key(1))
    yield "control part", "part_missing", lambda unloaded: unloaded.remove(unloaded.part_key(kind="control"))


@kind("manifest missing")
def manifest_missing(_: Random) -> Variants:
    for name in ("data", "control"):
        yield name, "manifest_missing", partial(_remove, ("manifest",), name)
    all_data = ("manifest", "0000_part_00.parquet", "0001_part_00.parquet")
    yield "and all data", "manifest_missing", partial(_remove, all_data, "data")
    yield "and all control rows", "manifest_missing", partial(_remove, all_data, "control")


def _remove(names: tuple[str, ...], kind_: str, unloaded: Unloaded) -> None:
    unloaded.remove(*(unloaded.key(name, kind_) for name in names))


@kind("part that no manifest names")
def part_extra(_: Random) -> Variants:
    for kind_ in ("data", "control"):
        for name in _NAMES:
            yield f"{kind_}: {name}", "part_extra", partial(_add, name, kind_)
    yield "a part under another name", "part_extra", _rename


def _add(name: str, kind_: str, unloaded: Unloaded) -> None:
    unloaded.put(unloaded.key(name, kind_), unloaded.read(unloaded.part_key(0, kind_)))


def _rename(unloaded: Unloaded) -> None:
    _add("0000_part_01.parquet", "data", unloaded)
    unloaded.remove(unloaded.part_key())
