"""Where a Parquet file's columns and pages lie and how large each page becomes: read before Arrow sees the file.

Arrow believes what a file says of itself: it allocates what a page's header claims, whatever the footer
says, and some footers make it end the process. Format: https://github.com/apache/parquet-format.
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

from serving.thrift import I32, I64, Struct, ThriftError, read_struct

UNCOMPRESSED: Final = 0
SNAPPY: Final = 1

_MAGIC: Final = b"PAR1"
_MAX_FOOTER_BYTES: Final = 2 * 2**20
_HEADER_BYTES: Final = 4096  # most are below 100; a page's smallest and largest value may stand in it
_MAX_HEADER_BYTES: Final = 2**18
_DICTIONARY_PAGE: Final = 2
_OWN_HEADERS: Final = {0: 5, 2: 7, 3: 8}  # kind of page → the field with its own header
_ENCODING_FIELDS: Final = {0: 2, 2: 2, 3: 4}


class LayoutError(Exception):
    """A file that is not laid out as Parquet is."""


@dataclass(frozen=True)
class ColumnChunk:
    """A column's values in one row group; `start` and `length` in bytes."""

    codec: int
    start: int
    length: int
    values: int


@dataclass(frozen=True)
class PageHeader:
    """What a page says of itself, and the bytes it comes to: at least those that lie there.

    Of a page that is not packed, Arrow takes what lies there, whatever it says it unpacks to.
    """

    is_dictionary: bool
    unpacked_bytes: int
    packed_bytes: int
    values: int
    encoding: int


def read_row_groups(file: BinaryIO, size: int) -> list[list[ColumnChunk]]:
    """Return the column chunks of each row group of a file of so many bytes.

    Raises LayoutError when it is not Parquet, is encrypted, or has a footer of more than is ever needed.
    """
    begins, tail = _at(file, 0, len(_MAGIC)), _at(file, max(size - 8, 0), 8)
    if begins != _MAGIC or tail[4:] != _MAGIC:
        raise LayoutError("it does not begin and end as one")
    (footer_bytes,) = struct.unpack("<I", tail[:4])
    if footer_bytes > min(_MAX_FOOTER_BYTES, size - 12):
        raise LayoutError(f"its footer has {footer_bytes} bytes")
    try:
        footer, _ = read_struct(_at(file, size - 8 - footer_bytes, footer_bytes))
        return [[_chunk(column) for column in group.structs(1)] for group in footer.structs(4)]
    except (ThriftError, IndexError) as error:
        raise LayoutError(f"its footer can't be read: {error}") from error


def _chunk(column: Struct) -> ColumnChunk:
    if column.keys() & {1, 8, 9}:
        raise LayoutError("a column lies in another file or is encrypted")
    described = column.struct(3)
    data = described.number(9, I64)
    # As Arrow reads it: a dictionary comes first, or there is none.
    start = min(data, described.number(11, I64, 0) or data)
    codec, length, values = described.number(4, I32), described.number(7, I64), described.number(5, I64)
    return ColumnChunk(codec, start, length, values)


def read_page_headers(file: BinaryIO, chunk: ColumnChunk) -> Iterator[PageHeader]:
    """Yield the headers of a column chunk's pages. Raises LayoutError where there is none, or not within the chunk."""
    at, end, seen = chunk.start, chunk.start + chunk.length, 0
    while seen < chunk.values:
        header, size = _page_header(file, at, end)
        at += size + header.packed_bytes
        if at > end:
            raise LayoutError(f"a page ends at {at}, its column at {end}")
        seen += 0 if header.is_dictionary else header.values
        if seen > chunk.values:
            raise LayoutError(f"a page at {at} has more values than its column")
        yield header


def _page_header(file: BinaryIO, at: int, end: int) -> tuple[PageHeader, int]:
    for size in (_HEADER_BYTES, _MAX_HEADER_BYTES):
        try:
            fields, length = read_struct(_at(file, at, min(size, end - at)))
            kind = fields.number(1, I32)
            own = fields.struct(_OWN_HEADERS.get(kind, 0))
            sizes = fields.number(2, I32), fields.number(3, I32)
            values, encoding = own.number(1, I32), own.number(_ENCODING_FIELDS[kind], I32)
            return PageHeader(kind == _DICTIONARY_PAGE, max(sizes), sizes[1], values, encoding), length
        except IndexError:
            continue
        except ThriftError as error:
            raise LayoutError(f"the header of a page at {at} can't be read: {error}") from error
    raise LayoutError(f"there is no page at {at}")


def _at(file: BinaryIO, start: int, length: int) -> bytes:
    try:
        file.seek(start)
    except OverflowError as error:
        raise LayoutError(f"there is nothing at {start}") from error
    return file.read(max(length, 0))
