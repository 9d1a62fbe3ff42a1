"""PostgreSQL sessions that play one database user after the other: logging in takes longer than most statements."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from deploy.local.redshift.provision import Warehouse


class Sessions:
    """Sessions of a warehouse, kept open between uses; nothing but the connection outlives a use."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse
        self._idle: list[psycopg.Connection] = []  # its append and pop are atomic

    @contextmanager
    def of(self, user: str) -> Iterator[psycopg.Connection]:
        """Lend a session of a database user, who is made if missing; what it did not commit is undone.

        Raises psycopg.Error when PostgreSQL can't be reached, SqlNotSupported for a name it can't hold.
        """
        session = self._resumed(user) or self._warehouse.connect_as_user(user)
        try:
            yield session
        finally:
            self._put_back(session)

    def close(self) -> None:
        """Close what is idle; nobody may use a session any more."""
        while self._idle:
            self._idle.pop().close()

    def _resumed(self, user: str) -> psycopg.Connection | None:
        """Return an idle session as this user; those that do not answer any more are dropped."""
        while self._idle:
            session = self._idle.pop()
            try:
                session.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(user)))
            except psycopg.Error:
                session.close()  # PostgreSQL was started again, or has no such user yet
                continue
            session.autocommit = False
            return session
        return None

    def _put_back(self, session: psycopg.Connection) -> None:
        try:
            session.rollback()
            session.autocommit = True
            session.execute("DISCARD ALL")  # settings, temporary tables, locks - and who it was
        except psycopg.Error:
            session.close()
        else:
            self._idle.append(session)
