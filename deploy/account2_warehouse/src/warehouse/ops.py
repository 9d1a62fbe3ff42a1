"""Statements on the tables of `ga4_ops`, made from their declarations, every value an exact literal."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime

from dataflows.contracts.tables import WarehouseTable
from warehouse.statements import literal

Value = str | int | date | datetime | None
Condition = Value | Sequence[str] | Sequence[int]


def select(table: WarehouseTable, where: Mapping[str, Condition], order_by: Sequence[str] = ()) -> str:
    """Return the SELECT of all columns of the rows that meet `where` (see `conditions`)."""
    columns = ", ".join(name for name, _ in table.columns)
    order = f" ORDER BY {', '.join(order_by)}" if order_by else ""
    return f"SELECT {columns} FROM {table.qualified_name}{_where(table, where)}{order}"  # noqa: S608 - see `literal`


def insert(table: WarehouseTable, rows: Sequence[Mapping[str, Value]], key: Sequence[str]) -> str:
    """Return the INSERT of the rows whose `key` columns the table doesn't hold yet; a column left out is null."""
    columns = ", ".join(name for name, _ in table.columns)
    fresh = " UNION ALL ".join(_typed_row(table, row) for row in rows)
    is_same = " AND ".join(f"held.{column} = fresh.{column}" for column in key)
    return (
        f"INSERT INTO {table.qualified_name} ({columns}) SELECT {columns} FROM ({fresh}) AS fresh "  # noqa: S608
        f"WHERE NOT EXISTS (SELECT 1 FROM {table.qualified_name} AS held WHERE {is_same})"
    )


def lock(table: WarehouseTable) -> str:
    """Return the LOCK that lets one transaction at a time at the table; it takes no snapshot before it has waited."""
    return f"LOCK {table.qualified_name}"


def update(table: WarehouseTable, changes: Mapping[str, Value], where: Mapping[str, Condition]) -> str:
    """Return the UPDATE that sets `changes` in the rows that meet `where`."""
    assignments = ", ".join(f"{_column(table, name)} = {literal(value)}" for name, value in changes.items())
    return f"UPDATE {table.qualified_name} SET {assignments}{_where(table, where)}"  # noqa: S608 - see `literal`


def delete(table: WarehouseTable, where: Mapping[str, Condition]) -> str:
    """Return the DELETE of the rows that meet `where`."""
    return f"DELETE FROM {table.qualified_name}{_where(table, where)}"  # noqa: S608 - see `literal`


def moment(text: str | None) -> datetime | None:
    """Return a TIMESTAMP as the Data API writes it, aware in UTC."""
    return None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC)


def _where(table: WarehouseTable, where: Mapping[str, Condition]) -> str:
    tests = [_test(_column(table, name), value) for name, value in where.items()]
    return f" WHERE {' AND '.join(tests)}" if tests else ""


def _test(column: str, value: Condition) -> str:
    if value is None:
        return f"{column} IS NULL"
    if isinstance(value, str | int | date):
        return f"{column} = {literal(value)}"
    return f"{column} IN ({', '.join(map(literal, value))})" if value else "1 = 0"


def _typed_row(table: WarehouseTable, row: Mapping[str, Value]) -> str:
    values = (f"CAST({literal(row.get(name))} AS {sql_type}) AS {name}" for name, sql_type in table.columns)
    return f"SELECT {', '.join(values)}"


def _column(table: WarehouseTable, name: str) -> str:
    if name not in dict(table.columns):
        raise ValueError(f"{table.qualified_name} has no column {name}")
    return name
