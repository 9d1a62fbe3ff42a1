"""The PostgreSQL database that plays the warehouse: making it, and connecting to it as somebody."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from deploy.local.redshift.dialect import POSTGRES_IDENTIFIER_BYTES
from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.translate import translate

_FOLDER = Path(__file__).parent
# Redshift lives in UTC, isolates by snapshot, analyzes a table as it makes it, and hashes where it joins. PostgreSQL
# knows nothing of tables as young as these: it would take them for a few rows and compare each row with each.
_DATABASE_SETTINGS = {
    "timezone": "UTC",
    "default_transaction_isolation": "repeatable read",
    "datestyle": "ISO, MDY",
    "enable_nestloop": "off",
}
_PREPARE_LOCK = 7_230_001


@dataclass(frozen=True)
class PostgresServer:
    """Where PostgreSQL is, and a superuser of it."""

    host: str
    port: int
    user: str
    password: str

    def connect(self, database: str, **options: Any) -> psycopg.Connection:
        """Connect to a database as the superuser."""
        return psycopg.connect(
            host=self.host, port=self.port, user=self.user, password=self.password, dbname=database, **options
        )


@dataclass(frozen=True)
class Warehouse:
    """The warehouse's database on a PostgreSQL server."""

    postgres: PostgresServer
    database: str

    def prepare(self) -> None:
        """Create the database with Redshift's functions and system views; what exists is brought up to date."""
        with self.postgres.connect("postgres", autocommit=True) as admin:
            admin.execute("SELECT pg_advisory_lock(%s)", [_PREPARE_LOCK])
            self._create_database(admin)
        with self.postgres.connect(self.database) as connection:
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [_PREPARE_LOCK])
            connection.execute("SET LOCAL allow_system_table_mods = on")
            for name in ("functions.sql", "catalog.sql"):
                connection.execute((_FOLDER / name).read_bytes())

    def run_as_admin(self, statements: Iterable[str]) -> None:
        """Run Redshift statements as the warehouse's administrator, in one transaction."""
        with self.postgres.connect(self.database) as connection:
            for statement in statements:
                connection.execute(translate(statement).sql.encode())

    def connect_as_user(self, user: str) -> psycopg.Connection:
        """Connect as a database user, so that its grants bind; if missing it is made, without rights."""
        connection = self.postgres.connect(self.database, autocommit=True)
        try:
            self._ensure_user(connection, user)
            connection.execute(sql.SQL("SET SESSION AUTHORIZATION {}").format(sql.Identifier(user)))
            connection.autocommit = False
        except BaseException:
            connection.close()
            raise
        return connection

    def set_password(self, user: str, password: str, expires_at: datetime) -> None:
        """Let a database user log in with a password until it expires; the user is made if it is missing."""
        with self.postgres.connect(self.database, autocommit=True) as connection:
            self._ensure_user(connection, user)
            connection.execute(
                sql.SQL("ALTER ROLE {} LOGIN PASSWORD {} VALID UNTIL {}").format(
                    sql.Identifier(user), sql.Literal(password), sql.Literal(expires_at.isoformat())
                )
            )

    def _create_database(self, admin: psycopg.Connection) -> None:
        name = sql.Identifier(self.database)
        if not admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [self.database]).fetchone():
            admin.execute(
                sql.SQL(
                    "CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
                ).format(name)
            )
        for setting, value in _DATABASE_SETTINGS.items():
            admin.execute(
                sql.SQL("ALTER DATABASE {} SET {} = {}").format(name, sql.Identifier(setting), sql.Literal(value))
            )

    def _ensure_user(self, admin: psycopg.Connection, user: str) -> None:
        if len(user.encode()) > POSTGRES_IDENTIFIER_BYTES:
            raise SqlNotSupported(
                f"database user {user} has more than 63 bytes: the stand-in is narrower than Redshift"
            )
        if admin.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [user]).fetchone():
            return
        try:
            admin.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(user)))
        except psycopg.errors.DuplicateObject:
            return  # made by another connection a moment ago
