"""The server meddles with a load: a trigger that tests put on a table of the loader's."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection


@contextmanager
def trigger(moment: str, statement: str) -> Iterator[None]:
    """The server carries this out at a moment such as `BEFORE INSERT ON report_events`, for each row."""
    with connection.cursor() as cursor:
        cursor.execute(f"CREATE TRIGGER meddles {moment} FOR EACH ROW {statement}")
        try:
            yield
        finally:
            cursor.execute("DROP TRIGGER meddles")
