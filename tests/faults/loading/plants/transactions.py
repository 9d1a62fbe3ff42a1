"""Bugs in what belongs together: lock, generation, data and ledger."""

from collections.abc import Callable
from typing import Any, Final

import pymysql
from pymysql.cursors import Cursor

from tests.faults.loading import points
from tests.faults.loading.contents import table_of
from tests.faults.loading.plants.tools import NAMES, Function, Plant, around, is_of, left_out, sql_changed

_LOST_SESSION: Final = (pymysql.err.OperationalError, pymysql.err.InterfaceError)


class _NeverNewer(int):
    """A generation that none is older than or as old as."""

    def __ge__(self, _: object) -> bool:
        return False

    def __lt__(self, _: object) -> bool:
        return True


def _no_generation_guard() -> None:
    _ledger_takes_it_twice()
    around("lock_partition", lambda lock, *args: _NeverNewer(lock(*args)))


def _ledger_takes_it_twice() -> None:
    sql_changed("INSERT INTO report_ledger", "INSERT IGNORE INTO report_ledger")


def _generation_before_data() -> None:
    under_way: list[Any] = []

    def replace_partition(original: Function, session: Any, unload: Any, row: Any, *rest: Any) -> Any:
        under_way[:] = [row.generation, row.row_count, unload.run_id]
        return original(session, unload, row, *rest)

    def lock_partition(original: Function, cursor: Cursor, key: Any) -> int:
        stored = int(original(cursor, key))
        if stored < under_way[0]:
            cursor.execute(
                "UPDATE report_partition SET generation = %s, row_count = %s, run_id = %s "
                "WHERE (property_id, report_id, date) = (%s, %s, %s)",
                (*under_way, key.property_id, key.report_id, key.date),
            )
            cursor.connection.commit()
        return stored

    around("replace_partition", replace_partition)
    around("lock_partition", lock_partition)


def _data_before_generation() -> None:
    def record_load(original: Function, cursor: Cursor, *rest: Any) -> None:
        cursor.connection.commit()
        original(cursor, *rest)

    around("record_load", record_load)


def _ledger_outside_transaction() -> None:
    put_off: list[Callable[[], Any]] = []

    def query(original: Function, connection: Any, sql: str | bytes, **how: Any) -> Any:
        if not is_of(sql, "INSERT INTO report_ledger"):
            return original(connection, sql, **how)
        put_off.append(lambda: original(connection, sql, **how))
        return 0

    def commit(original: Function, connection: Any) -> None:
        original(connection)
        while put_off:
            put_off.pop()()
            original(connection)

    around("query", query)
    around("commit", commit)


def _committed_by_statement() -> None:
    def query(original: Function, connection: Any, sql: str | bytes, **how: Any) -> Any:
        if is_of(sql, "INSERT INTO `", "DELETE FROM `"):
            connection.commit()  # what came before
        return original(connection, sql, **how)

    around("query", query)


def _half_transaction_retried() -> None:
    def query(original: Function, connection: Any, sql: str | bytes, **how: Any) -> Any:
        try:
            return original(connection, sql, **how)
        except _LOST_SESSION:
            connection.connect()
            return original(connection, sql, **how)

    around("query", query)


def _no_partition_lock() -> None:
    def lock_partition(original: Function, cursor: Cursor, key: Any) -> Any:
        stored = original(cursor, key)
        cursor.connection.commit()  # and with it goes the lock
        return stored

    around("lock_partition", lock_partition)


def _difference_before_lock() -> None:
    read: dict[Any, Any] = {}
    stored_rows: list[Function] = []

    def lock_partition(original: Function, cursor: Cursor, key: Any) -> Any:
        read[key] = list(stored_rows[0](cursor, table_of(key), key))
        return original(cursor, key)

    def kept(original: Function) -> Function:
        stored_rows.append(original)
        return lambda _, __, key: iter(read[key])

    points.replace(NAMES["stored_rows"], kept)
    around("lock_partition", lock_partition)


def _same_generation_added_again() -> None:
    under_way: list[int] = []

    def replace_partition(original: Function, session: Any, unload: Any, row: Any, *rest: Any) -> Any:
        under_way[:] = [row.generation]
        return original(session, unload, row, *rest)

    def lock_partition(original: Function, cursor: Cursor, key: Any) -> int:
        stored = int(original(cursor, key))
        return 0 if stored == under_way[0] else stored

    around("replace_partition", replace_partition)
    around("lock_partition", lock_partition)
    sql_changed(r"(`\w+`) = VALUES\((`\w+`)\)", r"\1 = \1 + VALUES(\2)")
    _ledger_takes_it_twice()
    left_out("check_stored")


TRANSACTIONS: Final[dict[str, Plant]] = {
    "no generation guard": _no_generation_guard,
    "generation committed before data": _generation_before_data,
    "data committed before generation": _data_before_generation,
    "ledger outside the transaction": _ledger_outside_transaction,
    "committed statement by statement": _committed_by_statement,
    "half a transaction retried": _half_transaction_retried,
    "no partition lock": _no_partition_lock,
    "difference computed before the lock": _difference_before_lock,
    "same generation added again": _same_generation_added_again,
}
