"""Somebody who reads MySQL while it is loaded, and sees whether each partition is exactly one generation."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from pymysql.connections import Connection
from pymysql.cursors import Cursor

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import ReportTable
from serving.control import PartitionKey
from tests.faults.loading.contents import table_of
from tests.serving.unloads import Row

Values = tuple[Any, ...]
"""A row's dimensions and numbers, in the order of the columns: what a page shows. How it is keyed does not matter."""
_NOTHING: Final = ("", 0)

_PARTITIONS: Final = """
SELECT held.property_id, held.report_id, held.date, held.generation, held.row_count, held.run_id,
  entry.run_id, entry.row_count, (SELECT MAX(newer.generation) FROM report_ledger AS newer
    WHERE (newer.property_id, newer.report_id, newer.date) = (held.property_id, held.report_id, held.date))
FROM report_partition AS held LEFT JOIN report_ledger AS entry
  ON (entry.property_id, entry.report_id, entry.date, entry.generation)
  = (held.property_id, held.report_id, held.date, held.generation)
WHERE held.property_id IN %s AND held.generation > 0
"""


@dataclass
class Held:
    """What one snapshot shows of a partition: generation, number of rows and origin as recorded, and its rows."""

    generation: int = 0
    row_count: int = 0
    run_id: str = ""
    entry: tuple[str | None, int | None] = _NOTHING
    newest_entry: int | None = None
    rows: Counter[Values] = field(default_factory=Counter)


Snapshot = dict[PartitionKey, Held]


class Reader:
    """A session of its own that looks at the partitions of some properties, all at one moment."""

    def __init__(self, connection: "Connection[Cursor]", keys: list[PartitionKey]) -> None:
        """Look at these partitions, and at whatever else lies in the same tables for the same properties."""
        self._connection = connection
        self._keys = keys
        self._properties = sorted({key.property_id for key in keys})
        self._tables = sorted({table_of(key).name: table_of(key) for key in keys}.items())

    def look(self) -> Snapshot:
        """Return every partition as one consistent snapshot shows it."""
        shown: Snapshot = {key: Held() for key in self._keys}
        with self._connection.cursor() as cursor, _snapshot(cursor):
            cursor.execute(_PARTITIONS, (self._properties,))
            for property_id, report_id, day, generation, rows, run_id, *entry, newest in cursor.fetchall():
                key = PartitionKey(property_id, report_id, day)
                shown[key] = Held(generation, rows, run_id, tuple(entry), newest)
            for _, table in self._tables:
                self._read_rows(cursor, table, shown)
        return shown

    def _read_rows(self, cursor: Cursor, table: ReportTable, shown: Snapshot) -> None:
        report = "report_id" if table.is_custom else f"'{table.name}'"
        values = ", ".join(f"`{column.name}`" for column in table.value_columns)
        cursor.execute(
            f"SELECT property_id, {report}, date, {values} "  # noqa: S608 - declared names
            f"FROM `{table.mysql_name}` WHERE property_id IN %s",
            (self._properties,),
        )
        for property_id, report_id, day, *row in cursor.fetchall():
            shown.setdefault(PartitionKey(property_id, report_id, day), Held()).rows[tuple(row)] += 1


@contextmanager
def _snapshot(cursor: Cursor) -> Iterator[None]:
    cursor.execute("START TRANSACTION WITH CONSISTENT SNAPSHOT")
    try:
        yield
    finally:
        cursor.execute("COMMIT")


def stored_values(table: ReportTable, row: Row) -> Values:
    """Return a row's values as MySQL should hold them, in the order of the columns."""
    return tuple(
        Decimal(row[column.name]) if column.type is FieldType.DECIMAL else row[column.name]
        for column in table.value_columns
    )
