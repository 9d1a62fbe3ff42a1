"""Lists the licence of everything that locks name: `python -m deploy.checks.licences lock [lock…]`.

The licences are those that PyPI tells of each version, read from what is installed in `.venv` or was built.
"""

import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path
from typing import Final

from deploy.checks.artefacts import REPOSITORY

_LOCKED: Final = re.compile(r"^([A-Za-z0-9_.-]+)==([^\s;\\]+)", re.MULTILINE)


def locked(lock: Path) -> dict[str, str]:
    """Return the version of each package that a lock names, by its normal name."""
    return {normal_name(name): version for name, version in _LOCKED.findall(lock.read_text())}


def normal_name(name: str) -> str:
    """Return a package's name as PyPI compares it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def licence(distribution: Distribution) -> str:
    """Return what a package says of its licence: the expression, else its classifiers, else its words."""
    told = distribution.metadata.get_all
    classifiers = [one.split(" :: ")[-1] for one in told("Classifier", []) if one.startswith("License ::")]
    words = [line for text in told("License", []) for line in text.strip().splitlines()[:1]]
    return next(iter([*told("License-Expression", []), ", ".join(classifiers) or next(iter(words), "")])) or "not said"


def licences(locks: list[Path], folders: list[Path]) -> Iterator[str]:
    """Yield a line for each locked package: name, version, licence."""
    wanted = {name: version for lock in locks for name, version in locked(lock).items()}
    found = {normal_name(one.metadata["Name"]): one for one in distributions(path=list(map(str, folders)))}
    for name, version in sorted(wanted.items()):
        said = licence(found[name]) if name in found else "not installed here"
        yield f"{name} {version}: {said}"


def _folders() -> list[Path]:
    return [*REPOSITORY.glob(".venv/lib/python3*/site-packages"), *REPOSITORY.glob(".aws-sam/dependencies/*")]


if __name__ == "__main__":
    for _line in licences(list(map(Path, sys.argv[1:])), _folders()):
        print(_line)  # noqa: T201
