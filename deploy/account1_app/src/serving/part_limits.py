"""What a part may unpack to: told from its footer and the headers of its pages before any is unpacked.

Snappy, plain and dictionary encodings are what an unload writes. Others are refused: with them a small
file may unpack to any size.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from serving.errors import QuarantineError
from serving.parquet_layout import (
    SNAPPY,
    UNCOMPRESSED,
    ColumnChunk,
    LayoutError,
    PageHeader,
    read_page_headers,
    read_row_groups,
)

_MAX_COLUMN_CHUNKS: Final = 20_000
_MAX_PAGES: Final = 100_000
_CODECS: Final = frozenset({UNCOMPRESSED, SNAPPY})
_ENCODINGS: Final = frozenset({0, 2, 3, 8})  # plain, dictionary in both spellings, run lengths
_PAGE_COPIES: Final = 2  # while it is read: as unpacked, and what Arrow reads of it
_DICTIONARY_COPIES: Final = 3  # and while its longest text is looked for
_DICTIONARY_ENTRY_BYTES: Final = 16  # what Arrow keeps beside an entry's own bytes
_SMALLEST_ENTRY_BYTES: Final = 4


@dataclass(frozen=True)
class PartLimits:
    """How many bytes a part may have: packed, unpacked, and unpacked at one time."""

    max_bytes: int
    max_unpacked_bytes: int
    max_open_bytes: int


@dataclass(frozen=True)
class PartSizes:
    """What a part comes to: the bytes of a row in its fullest pages, and those that are unpacked at one time."""

    widest_row: int
    open_bytes: int


def part_sizes(path: Path, key: str, limits: PartLimits) -> PartSizes:
    """Return what the part `key`, which lies at `path`, comes to when it is read.

    Raises QuarantineError when it is no Parquet file, is packed in another way than an unload's, or
    unpacks to more than its limits.
    """
    with path.open("rb") as file:
        try:
            row_groups = read_row_groups(file, path.stat().st_size)
        except LayoutError as error:
            raise QuarantineError(f"{key} is not a Parquet file: {error}.", reason="not_parquet") from error
        try:
            return _Layout(file, key, limits).check(row_groups)
        except LayoutError as error:
            raise QuarantineError(f"{key} has a page that can't be read: {error}.", reason="part_broken") from error


@dataclass
class _Sizes:
    """What the pages of one column in one row group come to; sizes in bytes."""

    total: int = 0
    dictionary: int = 0
    largest: int = 0
    widest_row: int = 0

    def add(self, page: PageHeader) -> None:
        self.total += page.unpacked_bytes
        if page.is_dictionary:
            self.dictionary += _DICTIONARY_COPIES * page.unpacked_bytes + _DICTIONARY_ENTRY_BYTES * page.values
        else:
            self.largest = max(self.largest, _PAGE_COPIES * page.unpacked_bytes)
            self.widest_row = max(self.widest_row, page.unpacked_bytes // max(page.values, 1))


class _Layout:
    """Walks a part's pages and adds up what they come to."""

    def __init__(self, file: BinaryIO, key: str, limits: PartLimits) -> None:
        self._file = file
        self._key = key
        self._limits = limits
        self._pages = 0

    def check(self, row_groups: list[list[ColumnChunk]]) -> PartSizes:
        """Return what the row groups come to."""
        if sum(map(len, row_groups)) > _MAX_COLUMN_CHUNKS:
            raise self._too_large()
        total = widest = most_open = 0
        for columns in row_groups:
            sizes = [self._measure(column) for column in columns]
            total += sum(size.total for size in sizes)
            at_once = sum(size.dictionary + size.largest for size in sizes)
            if at_once > self._limits.max_open_bytes or total > self._limits.max_unpacked_bytes:
                raise self._too_large()
            most_open = max(most_open, at_once)
            widest = max(widest, sum(size.widest_row for size in sizes))
        return PartSizes(widest, most_open)

    def _measure(self, column: ColumnChunk) -> _Sizes:
        if column.codec not in _CODECS:
            raise self._unsupported(f"is packed with codec {column.codec}")
        sizes = _Sizes()
        for page in read_page_headers(self._file, column):
            self._check(page)
            sizes.add(page)
        return sizes

    def _check(self, page: PageHeader) -> None:
        self._pages += 1
        if self._pages > _MAX_PAGES:
            raise self._too_large()
        if page.encoding not in _ENCODINGS:
            raise self._unsupported(f"has a page of encoding {page.encoding}")
        if page.is_dictionary and page.values * _SMALLEST_ENTRY_BYTES > page.unpacked_bytes:
            raise LayoutError(f"a dictionary of {page.unpacked_bytes} bytes can't have {page.values} entries")

    def _too_large(self) -> QuarantineError:
        return QuarantineError(f"{self._key} unpacks to more than may be loaded.", reason="part_too_large")

    def _unsupported(self, what: str) -> QuarantineError:
        return QuarantineError(f"{self._key} {what}: an unload writes none such.", reason="part_unsupported")
