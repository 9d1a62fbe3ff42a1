"""Run by python3.13 with nothing but its standard library: imports one handler as Lambda's cold start does.

    python3.13 -I -S -B in_runtime.py handler folder [folder…]

Prints one JSON object: `seconds` of the processor that the import took, whatever else the machine had to do, and
`problems`. It imports nothing of ours but that handler.
"""

import importlib
import importlib.util
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path

_UNCHECKED_HASH = 1  # https://docs.python.org/3.13/reference/import.html#pyc-invalidation


def _stale_bytecode(folder: Path) -> Iterator[str]:
    for source in sorted(folder.rglob("*.py")):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        if not compiled.is_file():
            yield f"{source.relative_to(folder)} has no bytecode."
            continue
        header = compiled.read_bytes()[:16]
        if header[:4] != importlib.util.MAGIC_NUMBER or int.from_bytes(header[4:8], "little") != _UNCHECKED_HASH:
            yield f"{source.relative_to(folder)}: its bytecode would not be used as it is."
        elif header[8:] != importlib.util.source_hash(source.read_bytes()):
            yield f"{source.relative_to(folder)}: its bytecode is that of another source."


def _import_problems(handler: str) -> Iterator[str]:
    module, _, name = handler.rpartition(".")
    try:
        imported = importlib.import_module(module)
    except Exception as error:  # noqa: BLE001 - whatever it is, it would end the cold start
        yield f"{module} can't be imported: {type(error).__name__}: {error}"
        return
    if not callable(getattr(imported, name, None)):
        yield f"{module} has no function {name}."


def _main(handler: str, *folders: str) -> None:
    sys.path[:0] = [folder for one in folders for folder in (one, f"{one}/python")]
    start = time.process_time()
    problems = list(_import_problems(handler))
    seconds = time.process_time() - start
    problems += [problem for folder in folders for problem in _stale_bytecode(Path(folder))]
    sys.stdout.write(json.dumps({"seconds": seconds, "problems": problems}))


_main(*sys.argv[1:])
