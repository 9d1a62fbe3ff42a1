"""Account 2 as it was once a data flow had been registered and loaded: registering takes longer than most tests."""

from dataclasses import dataclass
from pathlib import Path
from typing import Self

import psycopg

from tests.warehouse.account import Account2
from tests.warehouse.services import DATABASE


@dataclass(frozen=True)
class Snapshot:
    """The warehouse's rows by table, and a file of AppFlow's flows and runs."""

    account: Account2
    rows: dict[str, bytes]
    flows: Path

    @classmethod
    def of(cls, account: Account2, folder: Path) -> Self:
        """Keep what there is now."""
        rows: dict[str, bytes] = {}
        with (
            account.services.stand_in.warehouse.postgres.connect(DATABASE) as connection,
            connection.cursor() as cursor,
        ):
            for table in sorted(account.tables()):
                with cursor.copy(f"COPY {table} TO STDOUT".encode()) as copy:
                    rows[table] = b"".join(bytes(part) for part in copy)
        account.services.appflow.snapshot(folder / "appflow.json")
        return cls(account, rows, folder / "appflow.json")

    def fits(self, account: Account2) -> bool:
        """Return whether the stack and the tables are still those that it was taken of."""
        return account.deployment is self.account.deployment and self.rows.keys() <= account.tables()

    def restore(self, account: Account2) -> None:
        """Let everything be as it was; tables made since are gone."""
        account.clear()
        tables = account.tables()
        with (
            account.services.stand_in.warehouse.postgres.connect(DATABASE) as connection,
            connection.cursor() as cursor,
        ):
            for table in sorted(tables - self.rows.keys()):
                cursor.execute(f"DROP TABLE {table}".encode())
            cursor.execute(f"TRUNCATE {', '.join(self.rows)}".encode())
            for table, rows in self.rows.items():
                with cursor.copy(f"COPY {table} FROM STDIN".encode()) as copy:
                    copy.write(rows)
        account.services.appflow.restore(self.flows)


def _connected(account: Account2) -> psycopg.Connection:
    return account.services.stand_in.warehouse.postgres.connect(DATABASE)
