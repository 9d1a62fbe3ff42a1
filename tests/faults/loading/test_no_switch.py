"""The faults live outside what ships: nothing there knows of them, so nothing there can switch them on."""

import re
from pathlib import Path

import pytest

from tests.architecture.code import place, shipped_files
from tests.faults.loading import points
from tests.faults.loading.plants.tools import NAMES

_RIG = re.compile(r"\btests\.|\bfaults\b|(?<!de)fault_|\bnursery\b|\bplanted\b", re.IGNORECASE)


@pytest.mark.parametrize("path", list(shipped_files()), ids=place)
def test_nothing_that_ships_knows_of_the_faults(path: Path) -> None:
    lines = path.read_text().splitlines()

    assert [f"{place(path)}:{number}: {line}" for number, line in enumerate(lines, 1) if _RIG.search(line)] == []


@pytest.mark.parametrize("name", [*(around.function for around in points.POINTS), *points.SIZES, *NAMES.values()])
def test_every_name_that_is_patched_is_there(name: str) -> None:
    points.replace(name, lambda function: function)
