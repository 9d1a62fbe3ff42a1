"""ASSUMEROLE: which roles a database user may have Redshift take on, for which command."""

import psycopg


def role_refusal(connection: psycopg.Connection, roles: str, command: str) -> str | None:
    """Say in Redshift's words that the connection's user may not name a role, or chain of roles, in a command.

    `command` is COPY or UNLOAD. Returns None if the user may.
    """
    sql = "SELECT redshift_emulation.has_assumerole_privilege(%s, %s), session_user"
    may, user = connection.execute(sql, [roles, command]).fetchall()[0]
    return None if may else f'User {user} does not have ASSUMEROLE permission on IAM role "{roles}" for {command}'
