"""What must be written so that a partition in MySQL becomes the one that was unloaded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
from pymysql.cursors import Cursor

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.keys import HASH_DIGITS
from dataflows.contracts.reports import Column, ReportTable
from serving.control import PartitionKey
from serving.row_text import NULL, RowTexts, partition_condition

_PAGE_ROWS: Final = 5_000  # with what is made of them, some 15 MB
_HASHES: Final = 16**HASH_DIGITS


@dataclass(frozen=True)
class Writing:
    """Rows to be written, in key order; `inserted` of them are new, the others' numbers changed."""

    rows: RowTexts
    inserted: int


@dataclass(frozen=True)
class Deletion:
    """Hashes of rows that are no longer there."""

    hashes: pa.StringArray


Change = Writing | Deletion


@dataclass(frozen=True)
class StoredPage:
    """Stored rows, in no certain order: all that there are after the page before, up to and without the hash `end`.

    The last page has no end.
    """

    hashes: pa.StringArray
    numbers: pa.StringArray
    end: str | None

    def without(self, hashes: pa.StringArray) -> "StoredPage":
        """Return the page without the rows that have one of these hashes."""
        is_left = pc.invert(pc.is_in(self.hashes, value_set=hashes))
        return StoredPage(self.hashes.filter(is_left), self.numbers.filter(is_left), self.end)


def stored_pages(cursor: Cursor, table: ReportTable, key: PartitionKey, row_count: int) -> Iterator[StoredPage]:
    """Yield the partition's rows, about `row_count`, in pages of rising hash, so that memory stays flat."""
    # Equal ranges of a hash hold about equally many rows; nothing needs to be sorted or counted off for them.
    pages = max(1, -(-row_count // _PAGE_ROWS))
    bounds = [f"{_HASHES * number // pages:0{HASH_DIGITS}x}" for number in range(pages)] + [None]
    select = _page_statement(table, key)
    for first, end in pairwise(bounds):
        before_end = "" if end is None else f"AND dimension_hash < X'{end}'"
        cursor.execute(select.format(first=first, before_end=before_end))
        count, text = cursor.fetchone() or (0, None)
        yield _page(count, text, end)


def _page_statement(table: ReportTable, key: PartitionKey) -> str:
    """Return a query for one page: its number of rows, and the rows as one text.

    A row of its own for each would cost more than all the rest of a comparison.
    """
    numbers = ", ".join(_as_text(column) for column in (*table.metrics, *table.computed))
    return (
        f"SELECT COUNT(*), GROUP_CONCAT(HEX(dimension_hash), CONCAT_WS(',', {numbers}) SEPARATOR ';') "  # noqa: S608
        f"FROM `{table.mysql_name}` "
        f"WHERE {partition_condition(table, key)} AND dimension_hash >= X'{{first}}' {{before_end}}"
    )


def _as_text(column: Column) -> str:
    return f"IFNULL(`{column.name}`, '{NULL}')"


def _page(count: int, text: str | None, end: str | None) -> StoredPage:
    rows = pc.split_pattern(pa.array([(text or "").lower()]), ";").flatten() if count else pa.array([], pa.string())
    if len(rows) != count:
        raise TerminalError(
            f"MySQL cut off a page of {count} stored rows: raise max_allowed_packet.", reason="page_cut_off"
        )
    hashes = pc.utf8_slice_codeunits(rows, 0, HASH_DIGITS)
    numbers = pc.utf8_slice_codeunits(rows, HASH_DIGITS)
    return StoredPage(hashes, numbers, end)


def changes(stored: Iterator[StoredPage], incoming: Iterable[RowTexts]) -> Iterator[Change]:
    """Yield what turns `stored` into `incoming`; both come in rising order of their hash."""
    page = next(stored)
    for rows in incoming:
        rest = rows.with_numbers()
        while len(rest.hashes):
            same_range, rest = rest.split(page.end)
            yield _written(page, same_range)
            page = page.without(same_range.hashes)
            if len(rest.hashes):
                yield Deletion(page.hashes)
                page = next(stored)
    yield Deletion(page.hashes)
    yield from (Deletion(page.hashes) for page in stored)


def _written(page: StoredPage, rows: RowTexts) -> Writing:
    places = pc.index_in(rows.hashes, value_set=page.hashes)
    is_same = pc.fill_null(pc.equal(page.numbers.take(places), rows.numbers()), False)
    return Writing(rows.filter(pc.invert(is_same)), inserted=places.null_count)
