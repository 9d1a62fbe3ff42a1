"""The named points at which a loader can be stopped, killed or cut off: put around production functions from outside.

Only a loader that the rig has forked calls `install`; nothing that ships knows of it. When production code
renames a function, its line in POINTS is what has to change.
"""

import functools
import importlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from pymysql.connections import Connection
from pymysql.cursors import Cursor

Hit = Callable[[str, str | None, int | None], None]
"""Called at a point with its name, the name of the lock that what follows takes, and the session's number."""


@dataclass(frozen=True)
class Around:
    """Points before and after a function; `lock` names what it locks until the transaction ends.

    A function that locks has no points inside, so that whoever waits for the lock stands nowhere else.
    """

    function: str
    before: str | None = None
    after: str | None = None
    lock: Callable[..., str] | None = None


def _lock_of_partition(_: Cursor, key: Any) -> str:
    return f"{key.property_id} {key.report_id} {key.date}"


def _lock_of_quarantine(_: Cursor, bucket: str, manifest_key: str, *__: object) -> str:
    return f"{bucket} {manifest_key}"


POINTS: Final = (
    Around("serving.upsert.read_control_rows", before="before_control"),
    Around("serving.upsert.check_rows", before="before_verify", after="after_verify"),
    Around("serving.ledger.lock_partition", before="before_lock", after="after_lock", lock=_lock_of_partition),
    Around("serving.upsert.write_changes", before="before_rows", after="after_rows"),
    Around("serving.ledger.check_stored", before="before_check"),
    Around("serving.ledger.record_load", before="before_ledger", after="after_ledger"),
    Around("serving.ledger.record_quarantine", before="before_quarantine", lock=_lock_of_quarantine),
    Around("serving.ledger.resolve_quarantine", before="before_resolve", lock=_lock_of_quarantine),
    Around("pymysql.connections.Connection.query", before="between_statements"),
    Around("pymysql.connections.Connection.commit", before="before_commit", after="after_commit"),
    Around("pymysql.connections.Connection.rollback", after="after_rollback"),
)
BEFORE_ANSWER: Final = "before_answer"
ENDS_TRANSACTION: Final = frozenset({"after_commit", "after_rollback"})
NAMES: Final = (*(name for around in POINTS for name in (around.before, around.after) if name), BEFORE_ANSWER)

# So small that a partition of a few rows takes several pages and statements.
SIZES: Final = {"serving.difference._PAGE_ROWS": 3, "serving.writer._BATCH_CHANGES": 2}


def install(hit: Hit) -> None:
    """Put every point around its function in this process, and let it work in small pieces."""
    for name, size in SIZES.items():
        replace(name, functools.partial(_instead, size))
    quiet = _Quiet()
    for around in POINTS:
        replace(around.function, functools.partial(_with_points, around, hit, quiet))


def replace(name: str, change: Callable[[Any], Any]) -> None:
    """Replace what stands under a dotted name by what `change` makes of it.

    Raises AttributeError when nothing does: then the name has to be changed where it is written, here or in a plant.
    """
    holder, attribute = _place(name)
    setattr(holder, attribute, change(getattr(holder, attribute)))


def _instead(size: int, _: int) -> int:
    return size


def _place(name: str) -> tuple[Any, str]:
    path, _, attribute = name.rpartition(".")
    try:
        return importlib.import_module(path), attribute
    except ModuleNotFoundError:
        module, _, class_name = path.rpartition(".")
        return getattr(importlib.import_module(module), class_name), attribute


class _Quiet(threading.local):
    """Whether a function that locks is under way in this thread: a loader may have two sessions."""

    is_on: bool = False

    @contextmanager
    def while_(self, *, is_locking: bool) -> Iterator[None]:
        before, self.is_on = self.is_on, self.is_on or is_locking
        try:
            yield
        finally:
            self.is_on = before


def _with_points(around: Around, hit: Hit, quiet: _Quiet, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if around.before and not quiet.is_on:
            hit(around.before, around.lock(*args, **kwargs) if around.lock else None, _session(args))
        with quiet.while_(is_locking=around.lock is not None):
            result = function(*args, **kwargs)
        if around.after and not quiet.is_on:
            hit(around.after, None, _session(args))
        return result

    return wrapped


def _session(args: tuple[Any, ...]) -> int | None:
    first: Any = args[0] if args else None
    connection: Any = first.connection if isinstance(first, Cursor) else first
    is_open = isinstance(connection, Connection) and connection.open
    return int(connection.thread_id()) if is_open else None
