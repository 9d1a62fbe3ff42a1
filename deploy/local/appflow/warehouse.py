"""The Redshift destination: a table's columns, and rows copied into it as the profile's database user."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from psycopg import sql

from deploy.local.appflow.errors import RunFailedError
from deploy.local.appflow.state import ConnectorProfile
from deploy.local.aws.credentials import Credentials
from deploy.local.aws.service import ServiceError
from deploy.local.redshift.assumed_roles import role_refusal

ConnectWarehouse = Callable[[str], psycopg.Connection[Any]]  # its argument is a database user
# Its arguments: a service principal, the ARN of a role and a session name; raises ServiceError where it may not.
AssumeRoleAsService = Callable[[str, str, str], Credentials]

_PRINCIPAL: Final = "appflow.amazonaws.com"
_COPY_PRINCIPALS: Final = ("redshift.amazonaws.com", "redshift-serverless.amazonaws.com")
_SESSION_NAME: Final = "appflow"


@dataclass(frozen=True)
class TableColumn:
    """A column of the destination table; `max_bytes` is the length of a VARCHAR."""

    name: str
    data_type: str
    max_bytes: int | None


class Destination:
    """The warehouse that a Redshift connector profile leads to."""

    def __init__(self, connect: ConnectWarehouse, assume_role_as_service: AssumeRoleAsService) -> None:
        self._connect = connect
        self._assume_role_as_service = assume_role_as_service

    def role_problem(self, profile: ConnectorProfile) -> str | None:
        """Say which role of a Redshift profile does not serve, or return None."""
        try:
            self._assume_role_as_service(_PRINCIPAL, profile.redshift["dataApiRoleArn"], _SESSION_NAME)
            self._assume_role_as_service(_copy_principal(profile), profile.redshift["roleArn"], _SESSION_NAME)
        except ServiceError as error:
            return str(error)
        return None

    def columns(self, profile: ConnectorProfile, table: str) -> dict[str, TableColumn]:
        """Return the columns of `schema.table` that the profile's user sees; none if there is no such table.

        Raises RunFailedError when the warehouse can't be asked.
        """
        schema, _, name = table.partition(".")
        query = (
            "SELECT column_name, data_type, character_maximum_length FROM information_schema.columns "
            "WHERE table_schema = %s AND table_name = %s ORDER BY ordinal_position"
        )
        try:
            with self._open(profile) as connection:
                rows = connection.execute(query, [schema, name]).fetchall()
        except psycopg.Error as error:
            raise RunFailedError(f"Amazon Redshift can't be asked for the columns of {table}: {error}") from error
        return {row[0]: TableColumn(*row) for row in rows}

    def copy(
        self, profile: ConnectorProfile, table: str, columns: Iterable[str], rows: Iterable[tuple[str, ...]]
    ) -> None:
        """Insert rows in one transaction; it is committed when this returns, rolled back when it raises.

        Raises RunFailedError, and whatever `rows` raises.
        """
        statement = sql.SQL("COPY {} ({}) FROM STDIN").format(
            sql.Identifier(*table.split(".", 1)), sql.SQL(", ").join(map(sql.Identifier, columns))
        )
        try:
            with (
                self._open(profile) as connection,
                connection.cursor() as cursor,
            ):
                if refusal := role_refusal(connection, profile.redshift["roleArn"], "COPY"):
                    raise RunFailedError(f"Amazon Redshift refused the rows for {table}: {refusal}")
                with cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write_row(row)
        except psycopg.Error as error:
            raise RunFailedError(f"Amazon Redshift refused the rows for {table}: {error}") from error

    def _open(self, profile: ConnectorProfile) -> psycopg.Connection[Any]:
        if problem := self.role_problem(profile):
            raise RunFailedError(f"The roles of the Redshift connector profile can't be used: {problem}")
        return self._connect(profile.database_user)


def _copy_principal(profile: ConnectorProfile) -> str:
    return _COPY_PRINCIPALS[bool(profile.redshift.get("isRedshiftServerless"))]
