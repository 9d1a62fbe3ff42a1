"""Pages made by hand, put in the place of a part's own."""

from collections.abc import Callable
from typing import Final

from tests.faults.files.file_kinds import changed
from tests.faults.files.surgery import (
    RLE_DICTIONARY,
    UNCOMPRESSED,
    OpenFile,
    Page,
    optional_levels,
    plain_text,
    run_of,
)
from tests.faults.files.unloaded import Spoil

TEXT: Final = "session_source"


def repaged(
    pages: Callable[[int], list[Page]], *, codec: int = UNCOMPRESSED, part_kind: str = "data", name: str = TEXT
) -> Spoil:
    """Return what exchanges a text column's pages; `pages` makes them for so many rows."""

    def change(body: bytes) -> bytes:
        file = OpenFile.of(body)
        count = file.footer[3]
        return file.exchange(name, pages(count), codec, values=count).closed()

    return changed(change, part_kind=part_kind)


def texts(values: list[bytes]) -> bytes:
    """Return a data page's bytes: every value is there."""
    return optional_levels(len(values)) + plain_text(values)


def one_text_for_all(text: bytes, count: int) -> list[Page]:
    """Return a dictionary of one text, and a page in which so many rows have it."""
    entry = plain_text([text])
    indices = optional_levels(count) + b"\x01" + run_of(count, 0, width=1)
    return [
        Page(entry, len(entry), 1, is_dictionary=True),
        Page(indices, len(indices), count, RLE_DICTIONARY),
    ]


def snappy_zeros(size: int) -> bytes:
    """Return so many zero bytes (a multiple of 64) as Snappy packs them: one in twenty."""
    length, head = size, bytearray()
    while length > 127:
        head.append(length & 127 | 128)
        length >>= 7
    first = b"\xf0\x3f" + b"\0" * 64  # a literal of 64 bytes, then copies of it
    return bytes([*head, length]) + first + b"\xfe\x40\x00" * (size // 64 - 1)


def page(body: bytes, values: int) -> Page:
    """Return a page that is not packed."""
    return Page(body, len(body), values)
