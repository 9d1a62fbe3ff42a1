"""Parquet files that no library writes: a sound one, opened, one of its columns exchanged, and closed again."""

import struct
from dataclasses import dataclass
from typing import Final

from tests.faults.files.thrift import I32, I64, LIST, STRUCT, Items, Struct, decoded

MAGIC: Final = b"PAR1"
UNCOMPRESSED, SNAPPY, GZIP, LZO, BROTLI, LZ4, ZSTD, LZ4_RAW = range(8)
PLAIN, RLE, DELTA_BYTE_ARRAY, RLE_DICTIONARY = 0, 3, 7, 8
_DATA_PAGE, _DICTIONARY_PAGE = 0, 2


@dataclass(frozen=True)
class Page:
    """A page: what its header says, and the bytes that follow it, compressed."""

    body: bytes
    unpacked_bytes: int
    values: int
    encoding: int = PLAIN
    is_dictionary: bool = False
    more: tuple[tuple[int, int, int], ...] = ()
    """Further fields of the header: number, type, value."""

    def encoded(self) -> bytes:
        """Return header and body."""
        header = Struct().put(1, I32, _DICTIONARY_PAGE if self.is_dictionary else _DATA_PAGE)
        header.put(2, I32, self.unpacked_bytes).put(3, I32, len(self.body))
        for field in self.more:
            header.put(*field)
        own = Struct().put(1, I32, self.values).put(2, I32, self.encoding)
        if self.is_dictionary:
            return header.put(7, STRUCT, own).encoded() + self.body
        return header.put(5, STRUCT, own.put(3, I32, RLE).put(4, I32, RLE)).encoded() + self.body


@dataclass
class OpenFile:
    """A Parquet file in pieces: what precedes the footer, and the footer."""

    body: bytes
    footer: Struct

    @classmethod
    def of(cls, data: bytes) -> "OpenFile":
        """Open a sound file."""
        (size,) = struct.unpack("<I", data[-8:-4])
        return cls(data[: -8 - size], decoded(data[-8 - size : -8])[0])

    def closed(self) -> bytes:
        """Return the file as it is now."""
        return closed(self.body, self.footer.encoded())

    def column(self, name: str, row_group: int = 0) -> Struct:
        """Return the metadata of a column in a row group."""
        chunks = self.footer[4].values[row_group][1].values
        found: Struct = next(chunk[3] for chunk in chunks if chunk[3][3].values == [name.encode()])
        return found

    def element(self, name: str) -> Struct:
        """Return the schema's element of a column."""
        found: Struct = next(element for element in self.footer[2].values if element[4] == name.encode())
        return found

    def exchange(self, name: str, pages: list[Page], codec: int, *, values: int | None = None) -> "OpenFile":
        """Put other pages in a column's place; they lie at the end of the body, where its metadata now points."""
        at, chunk = len(self.body), self.column(name)
        encoded = [page.encoded() for page in pages]
        self.body += b"".join(encoded)
        chunk.put(2, LIST, Items(I32, sorted({page.encoding for page in pages} | {RLE})))
        chunk.put(4, I32, codec).put(5, I64, values or sum(page.values for page in pages if not page.is_dictionary))
        chunk.put(6, I64, sum(page.unpacked_bytes for page in pages)).put(7, I64, sum(map(len, encoded)))
        for number in (10, 11, 12, 13, 14, 15, 16):  # offsets and statistics of the old pages
            chunk.fields.pop(number, None)
        if pages[0].is_dictionary:
            chunk.put(11, I64, at)
            at += len(encoded[0])
        chunk.put(9, I64, at)
        return self


def closed(body: bytes, footer: bytes) -> bytes:
    """Return a file of a body, which begins with the magic, and a footer."""
    return body + footer + struct.pack("<I", len(footer)) + MAGIC


def optional_levels(values: int) -> bytes:
    """Return the definition levels of so many values that are all there, as a data page begins with them."""
    return run_of(values, 1, width=1, has_length=True)


def run_of(count: int, value: int, *, width: int, has_length: bool = False) -> bytes:
    """Return one run-length encoded run of a value; `width` is its size in bits."""
    head, number = bytearray(), count << 1
    while number > 127:
        head.append(number & 127 | 128)
        number >>= 7
    encoded = bytes([*head, number]) + value.to_bytes((width + 7) // 8, "little")
    return struct.pack("<I", len(encoded)) + encoded if has_length else encoded


def plain_text(values: list[bytes]) -> bytes:
    """Return texts as a page of them holds them."""
    return b"".join(struct.pack("<I", len(value)) + value for value in values)
