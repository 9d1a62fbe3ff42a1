"""How a bug is planted in a loader: around its functions, by their names, or in what it sends to MySQL."""

import functools
import re
from collections.abc import Callable
from typing import Any, Final

from tests.faults.loading import points

Function = Callable[..., Any]
Plant = Callable[[], None]

# Where the name of a function has to be changed with the function's.
NAMES: Final = {
    "lock_partition": "serving.ledger.lock_partition",
    "record_load": "serving.ledger.record_load",
    "check_stored": "serving.ledger.check_stored",
    "resolve_quarantine": "serving.ledger.resolve_quarantine",
    "replace_partition": "serving.upsert._replace_partition",
    "read_control_rows": "serving.upsert.read_control_rows",
    "check_rows": "serving.upsert.check_rows",
    "read_manifest": "serving.unload_files.UnloadBucket._read_manifest",
    "dimension_hash": "serving.data_rows.dimension_hash",
    "loaded_partitions": "serving.ledger.loaded_partitions",
    "changes_of_partition": "serving.upsert._changes",
    "stored_pages": "serving.upsert.stored_pages",
    "upsert_report": "serving.handlers.upsert_report.upsert_report",
    "load_each": "serving.handlers.upsert_report._load_each",
    "query": "pymysql.connections.Connection.query",
    "commit": "pymysql.connections.Connection.commit",
}


def around(name: str, wrapper: Function) -> None:
    """Let `wrapper` take a function's place; it is handed the function, then what that is called with."""

    def made(function: Function) -> Function:
        @functools.wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            return wrapper(function, *args, **kwargs)

        return call

    points.replace(NAMES[name], made)


def generation_seen_as(seen: Callable[[int], int]) -> None:
    """Let the loader see another generation than the one it finds when it locks a partition."""

    def lock_partition(original: Function, *args: Any) -> Any:
        stored = original(*args)
        return stored._replace(generation=seen(stored.generation))

    around("lock_partition", lock_partition)


def nothing(*_: Any, **__: Any) -> None:
    return


def left_out(name: str) -> None:
    points.replace(NAMES[name], lambda _: nothing)


def sql_changed(old: str, new: str) -> None:
    """Change the statements of the loader where they match a pattern."""

    def query(original: Function, connection: Any, sql: str | bytes, **how: Any) -> Any:
        text = sql if isinstance(sql, bytes) else sql.encode("utf-8", "surrogateescape")
        return original(connection, re.sub(old.encode(), new.encode(), text), **how)

    around("query", query)


def is_of(sql: str | bytes, *beginnings: str) -> bool:
    start = sql[:200].decode("utf-8", "replace") if isinstance(sql, bytes) else sql
    return start.lstrip().startswith(beginnings)
