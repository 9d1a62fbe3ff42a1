"""What must be written so that a partition in MySQL becomes the one that was unloaded."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from pymysql.cursors import Cursor

from dataflows.contracts.reports import Column, ReportTable
from serving.control import PartitionKey
from serving.row_text import NULL, RowText, partition_text

_PAGE_ROWS: Final = 20_000


@dataclass(frozen=True)
class Insertion:
    """A row that is new."""

    row: RowText


@dataclass(frozen=True)
class Update:
    """A row whose numbers changed."""

    row: RowText


@dataclass(frozen=True)
class Deletion:
    """A row that is no longer there."""

    dimension_hash: str


Change = Insertion | Update | Deletion


@dataclass(frozen=True)
class StoredRow:
    """A row as MySQL holds it: its hash as hex digits, and the text of its numbers."""

    dimension_hash: str
    digest: str


def stored_rows(cursor: Cursor, table: ReportTable, key: PartitionKey) -> Iterator[StoredRow]:
    """Yield a partition's rows in key order, a page at a time, so that memory stays flat."""
    select = _page_statement(table, key)
    last = ""
    while True:
        cursor.execute(select.format(last=last))
        page = [StoredRow(*row) for row in cursor.fetchall()]
        yield from page
        if len(page) < _PAGE_ROWS:
            return
        last = page[-1].dimension_hash


def _page_statement(table: ReportTable, key: PartitionKey) -> str:
    columns = ", ".join(f"`{name}`" for name in table.partition_columns)
    digest = ", ',', ".join(_as_text(column) for column in (*table.metrics, *table.computed))
    return (
        f"SELECT LOWER(HEX(dimension_hash)), CONCAT({digest}) FROM `{table.mysql_name}` "  # noqa: S608 - declared names
        f"WHERE ({columns}) = ({partition_text(table, key)}) AND dimension_hash > X'{{last}}' "
        f"ORDER BY dimension_hash LIMIT {_PAGE_ROWS}"
    )


def _as_text(column: Column) -> str:
    return f"IFNULL(CAST(`{column.name}` AS CHAR), '{NULL}')"


def changes(stored: Iterable[StoredRow], incoming: Iterable[RowText]) -> Iterator[Change]:
    """Yield what turns `stored` into `incoming`; both come in rising order of their hash."""
    old = iter(stored)
    current = next(old, None)
    for row in incoming:
        while current is not None and current.dimension_hash < row.dimension_hash:
            yield Deletion(current.dimension_hash)
            current = next(old, None)
        if current is None or current.dimension_hash != row.dimension_hash:
            yield Insertion(row)
            continue
        if current.digest != row.digest:
            yield Update(row)
        current = next(old, None)
    while current is not None:
        yield Deletion(current.dimension_hash)
        current = next(old, None)
