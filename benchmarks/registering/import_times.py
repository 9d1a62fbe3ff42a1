"""How long a cold start imports: each function's handler, in a fresh process, with bytecode."""

import os
import subprocess
import sys
from statistics import median
from typing import Final

from deploy.local.state import REPOSITORY

_TIMES: Final = 5
_PROGRAM: Final = "import time; start = time.perf_counter(); import {module}; print(time.perf_counter() - start)"


def import_times() -> dict[str, float]:
    """Return the median seconds that importing each handler of both accounts takes, by its module."""
    return {module: round(median(_seconds(module) for _ in range(_TIMES)), 3) for module in _compiled_handlers()}


def _compiled_handlers() -> list[str]:
    paths = sorted(REPOSITORY.glob("deploy/account*/src/*/handlers/[a-z]*.py"))
    modules = [f"{path.parents[1].name}.handlers.{path.stem}" for path in paths]
    for module in modules:
        _seconds(module)  # writes the bytecode
    return modules


def _seconds(module: str) -> float:
    command = [sys.executable, "-c", _PROGRAM.format(module=module)]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    answer = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return float(answer.stdout)
