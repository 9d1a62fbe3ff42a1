"""The warehouse's tables as registration makes them: DDL as the user that owns them, then checked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from dataflows.contracts.plan import fill
from dataflows.contracts.tables import OPS_TABLES, WarehouseTable, schema_statements
from warehouse.redshift import WarehouseAddress, check_columns, connected, run_ddl
from warehouse.sessions import assumed_session


@dataclass(frozen=True)
class Schema:
    """The schema of one warehouse; `users` are the database users that statements leave open."""

    address: WarehouseAddress
    ddl_role_arn: str
    users: Mapping[str, str]

    def apply(self, statements: Sequence[str], tables: Sequence[WarehouseTable]) -> None:
        """Run the statements and make sure that the tables are as declared.

        Raises TransientError, or TerminalError when a statement is refused or a table differs.
        """
        session = assumed_session(self.ddl_role_arn, "register")
        with connected(self.address, session) as connection:
            run_ddl(connection, (fill(statement, self.users) for statement in statements))
            check_columns(connection, tables)

    def apply_ops(self) -> None:
        """Make the tables that registration itself is kept in; raises as `apply`."""
        tables = (statement for table in OPS_TABLES for statement in table.statements())
        self.apply((*schema_statements(), *tables), OPS_TABLES)
