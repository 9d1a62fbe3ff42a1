"""Whether the runtime can load each shared object of a function: machine, versions of symbols, libraries.

`readelf` of GNU binutils reads them; nothing is loaded.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.checks.artefacts import Function, files_below
from deploy.checks.runtime_image import LIBRARIES, NEWEST_SYMBOLS

_MAGIC: Final = b"\x7fELF"
_NEEDED: Final = re.compile(r"\(NEEDED\)\s+Shared library: \[(.+)\]")
_PATHS: Final = re.compile(r"\((?:RPATH|RUNPATH)\)\s+Library (?:rpath|runpath): \[(.+)\]")
_MACHINE: Final = re.compile(r"Machine:\s+(.+)")
_SYMBOL_FILE: Final = re.compile(r"^\s+\S+: Version: \d+\s+File: (\S+)")
_SYMBOL: Final = re.compile(r"^\s+\S+:\s+Name: ([A-Z]+)_(\d[\d.]*)")


class ReadelfMissingError(Exception):
    """The program that reads shared objects is not installed."""


@dataclass(frozen=True)
class SharedObject:
    """What a shared object asks of the system it is loaded on; `symbols` by the library they are to come from."""

    path: Path
    machine: str
    needed: tuple[str, ...]
    search_paths: tuple[Path, ...]
    symbols: tuple[tuple[str, str, tuple[int, ...]], ...]


def shared_object_problems(function: Function) -> list[str]:
    """Return why the runtime could not load a shared object of a function or its layers.

    Raises ReadelfMissingError if binutils is not installed.
    """
    places = [function.folder, function.folder / "lib", *(layer.folder / "lib" for layer in function.layers)]
    return [
        f"{function.logical_id}: {one.path.relative_to(folder)} {problem}"
        for folder in function.folders
        for one in shared_objects(folder)
        for problem in _problems(one, places)
    ]


def shared_objects(folder: Path) -> Iterator[SharedObject]:
    """Yield what each shared object at and below a folder asks for."""
    for path in files_below(folder):
        with path.open("rb") as file:
            is_shared_object = file.read(len(_MAGIC)) == _MAGIC
        if is_shared_object:
            yield _read(path)


def _read(path: Path) -> SharedObject:
    command = ["readelf", "--wide", "--file-header", "--dynamic", "--version-info", str(path)]
    try:
        text = subprocess.run(command, env={"LC_ALL": "C", "PATH": _PATH}, capture_output=True, text=True, check=True)
    except FileNotFoundError as error:
        raise ReadelfMissingError("readelf is missing. Install the package binutils.") from error
    machine = _MACHINE.search(text.stdout)
    return SharedObject(
        path=path,
        machine=machine[1] if machine else "unknown",
        needed=tuple(_NEEDED.findall(text.stdout)),
        search_paths=tuple(_search_paths(path, text.stdout)),
        symbols=tuple(_symbols(text.stdout)),
    )


_PATH: Final = "/usr/local/bin:/usr/bin:/bin"


def _search_paths(path: Path, text: str) -> Iterator[Path]:
    for paths in _PATHS.findall(text):
        for one in paths.split(":"):
            yield Path(one.replace("${ORIGIN}", "$ORIGIN").replace("$ORIGIN", str(path.parent)))


def _symbols(text: str) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield the versions that are needed; those the object defines itself stand in another section."""
    _, _, needs = text.partition("Version needs section")
    library = ""
    for line in needs.splitlines():
        if found := _SYMBOL_FILE.match(line):
            library = found[1]
        elif found := _SYMBOL.match(line):
            yield library, found[1], tuple(int(part) for part in found[2].split("."))


def _problems(one: SharedObject, places: list[Path]) -> Iterator[str]:
    if "X86-64" not in one.machine:
        yield f"is built for {one.machine}; the functions run on x86_64."
    shipped = {name for name in one.needed if any((place / name).is_file() for place in (*one.search_paths, *places))}
    for name in one.needed:
        if name not in shipped | LIBRARIES:
            yield f"needs {name}, which is neither shipped where it is looked for nor in Amazon Linux 2023's image."
    for library, kind, version in one.symbols:
        newest = NEWEST_SYMBOLS.get(kind)
        if newest and library not in shipped and version > newest:
            yield f"needs {kind}_{_text(version)} of {library}; the runtime has {kind}_{_text(newest)}."


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
