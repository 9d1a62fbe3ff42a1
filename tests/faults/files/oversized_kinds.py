"""Parts that are larger than any may be, as the bucket lists them: they are not even fetched."""

from dataclasses import replace
from functools import partial
from random import Random
from typing import Final

from tests.faults.files.file_kinds import changed
from tests.faults.files.kinds import Variants, kind
from tests.faults.files.surgery import OpenFile

MOST_BYTES: Final = 2**20  # what the function is told for these: its own limit is 256 MB


@kind("oversized")
def oversized(_: Random) -> Variants:
    for name, size in {"by a byte": MOST_BYTES + 1, "twice": 2 * MOST_BYTES}.items():
        for number in (0, 1):
            yield f"part {number} {name}", "part_too_large", changed(partial(grown, size), number=number)
    yield "control rows", "part_too_large", changed(partial(grown, MOST_BYTES + 1), part_kind="control")


def grown(size: int, body: bytes) -> bytes:
    """Return a sound file, made so large by zeros before its footer, which nothing in it names."""
    file = OpenFile.of(body)
    return replace(file, body=file.body + b"\0" * (size - len(file.closed()))).closed()
