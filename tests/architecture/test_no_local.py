import ast
import re
from pathlib import Path

import pytest

from tests.architecture.code import PACKAGES, place, python_files, shipped_files, tree_of

# What would tell shipped code that it runs on somebody's machine.
LOCAL = re.compile(r"deploy[./]local|localhost|127\.0\.0\.1|\bIS_LOCAL\b|\bif LOCAL\b|\bmoto\b", re.IGNORECASE)


@pytest.mark.parametrize("path", list(shipped_files()), ids=place)
def test_nothing_that_ships_knows_of_the_local_stack(path: Path) -> None:
    lines = path.read_text().splitlines()

    assert [f"{place(path)}:{number}: {line}" for number, line in enumerate(lines, 1) if LOCAL.search(line)] == []


@pytest.mark.parametrize("path", [path for folder in PACKAGES.values() for path in python_files(folder)], ids=place)
def test_nothing_that_ships_prints(path: Path) -> None:
    calls = (node for node in ast.walk(tree_of(path)) if isinstance(node, ast.Call))

    assert [place(path, call) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "print"] == []
