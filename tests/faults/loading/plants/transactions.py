"""Bugs in what belongs together: lock, generation, data and ledger."""

from collections.abc import Callable
from typing import Any, Final

import pymysql
from pymysql.cursors import Cursor

from tests.faults.loading import points
from tests.faults.loading.contents import table_of
from tests.faults.loading.plants.tools import (
    NAMES,
    Function,
    Plant,
    around,
    generation_seen_as,
    is_of,
    left_out,
    sql_changed,
)

_LOST_SESSION: Final = (pymysql.err.OperationalError, pymysql.err.InterfaceError)

_FEW_ROWS: Final = 3  # about: how many there are is known when the partition is locked


class _NeverNewer(int):
    """A generation that none is older than or as old as."""

    def __ge__(self, _: object) -> bool:
        return False

    def __lt__(self, _: object) -> bool:
        return True


def _no_generation_guard() -> None:
    _ledger_takes_it_twice()
    generation_seen_as(_NeverNewer)


def _ledger_takes_it_twice() -> None:
    sql_changed("INSERT INTO report_ledger", "INSERT IGNORE INTO report_ledger")


def _generation_before_data() -> None:
    under_way: list[Any] = []

    def replace_partition(original: Function, session: Any, unload: Any, row: Any, *rest: Any) -> Any:
        under_way[:] = [row.generation, row.row_count, unload.run_id]
        return original(session, unload, row, *rest)

    def lock_partition(original: Function, cursor: Cursor, key: Any) -> Any:
        stored = original(cursor, key)
        if stored.generation < under_way[0]:
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
    stored_pages: list[Function] = []

    def lock_partition(original: Function, cursor: Cursor, key: Any) -> Any:
        read[key] = list(stored_pages[0](cursor, table_of(key), key, _FEW_ROWS))
        return original(cursor, key)

    def kept(original: Function) -> Function:
        stored_pages.append(original)
        return lambda _, __, key, ___: iter(read[key])

    points.replace(NAMES["stored_pages"], kept)
    around("lock_partition", lock_partition)


def _first_load_known_before_lock() -> None:
    loaded: set[Any] = set()

    def loaded_partitions(original: Function, *args: Any) -> Any:
        loaded.clear()
        loaded.update(original(*args))
        return set(loaded)

    def changes_of_partition(original: Function, cursor: Cursor, unload: Any, key: Any, texts: Any, stored: Any) -> Any:
        return original(cursor, unload, key, texts, stored if key in loaded else stored._replace(generation=0))

    around("loaded_partitions", loaded_partitions)
    around("changes_of_partition", changes_of_partition)


def _same_generation_added_again() -> None:
    under_way: list[int] = []

    def replace_partition(original: Function, session: Any, unload: Any, row: Any, *rest: Any) -> Any:
        under_way[:] = [row.generation]
        return original(session, unload, row, *rest)

    around("replace_partition", replace_partition)
    generation_seen_as(lambda stored: 0 if stored == under_way[0] else stored)
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
    "first load known before the lock": _first_load_known_before_lock,
    "same generation added again": _same_generation_added_again,
}
