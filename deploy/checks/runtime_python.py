"""Finds the Python of the functions' runtime on this machine: `python -m deploy.checks.runtime_python [name]`."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

VERSION: Final = "3.13"
_WANTED: Final = (
    "Python 3.13, the functions' runtime, is not installed. Install it, or name it:"
    " make -C deploy build PYTHON313=/path/to/python3.13"
)


class RuntimeMissingError(Exception):
    """There is no Python of the runtime's version; the message says how to give one."""


def runtime_python(named: str = "") -> str:
    """Return the path of a Python 3.13 that runs: the one named, else the first on the PATH, else one of pyenv's.

    Raises RuntimeMissingError if there is none, and if `named` is another.
    """
    for candidate in [named] if named else _candidates():
        if _is_runtime(candidate):
            return str(shutil.which(candidate))
    raise RuntimeMissingError(_WANTED)


def _candidates() -> Iterator[str]:
    yield f"python{VERSION}"
    # pyenv's own python3.13 on the PATH answers only where that version was chosen.
    versions = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    yield from map(str, sorted(versions.glob(f"{VERSION}.*/bin/python{VERSION}"), reverse=True))


def _is_runtime(candidate: str) -> bool:
    if not shutil.which(candidate):
        return False
    run = subprocess.run([candidate, "--version"], capture_output=True, text=True, check=False)
    return bool(re.match(rf"Python {re.escape(VERSION)}\.", run.stdout))


def _main() -> int:
    try:
        print(runtime_python(*sys.argv[1:]))  # noqa: T201
    except RuntimeMissingError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(_main())
