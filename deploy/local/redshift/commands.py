"""Statements that are neither queries nor table definitions: rights, users, settings, transactions."""

import re

from sqlglot.tokenizer_core import TokenType

from deploy.local.redshift.dialect import SYNTAX_ERROR, Source, fold_identifiers, is_database_user, read
from deploy.local.redshift.errors import SqlNotSupported

_POSTGRES_SETTINGS = (
    "search_path statement_timeout timezone datestyle extra_float_digits application_name client_encoding "
    "client_min_messages intervalstyle transaction_isolation server_version lock_timeout"
)
_REDSHIFT_SETTINGS = (
    "query_group enable_result_cache_for_session enable_case_sensitive_identifier json_serialization_enable "
    "wlm_query_slot_count describe_field_name_in_uppercase downcase_delimited_identifier"
)


def translate_grant(source: Source) -> str:
    """Return GRANT, REVOKE or ALTER DEFAULT PRIVILEGES; Redshift's roles have no counterpart."""
    words = source.words
    if words[1:2] == ["ASSUMEROLE"]:
        return _assumerole(source)
    receiver = max((at for at, word in enumerate(words) if word in ("TO", "FROM")), default=-1)
    if words[0] != "ALTER" and "ON" not in words:
        raise SqlNotSupported(f"{words[0]} of a role isn't supported by the stand-in: grant to the database user")
    if receiver < 0 or "ROLE" in words[receiver:]:
        raise SqlNotSupported(f"{words[0]} … TO ROLE isn't supported by the stand-in: grant to the database user")
    if any(word in ("DROP", "ALTER") for word in words[1:receiver] if word != "ALTER" or words[0] != "ALTER"):
        raise SqlNotSupported(f"{words[0]} of DROP or ALTER isn't supported by the stand-in")
    return fold_identifiers(source)


_ASSUMEROLE = re.compile(
    r"""(?P<verb>GRANT|REVOKE)\s+ASSUMEROLE\s+ON\s+(?:ALL|'(?P<roles>[^'\s]+)')\s+(?:TO|FROM)\s+
    (?:(?P<public>PUBLIC)|(?P<user>"[^"]+"|\w+))\s+FOR\s+(?P<command>ALL|COPY|UNLOAD)\s*;?\s*""",
    re.VERBOSE | re.IGNORECASE,
)


def _assumerole(source: Source) -> str:
    """Return the change to the grants that UNLOAD and AppFlow's COPY are held against; see functions.sql."""
    said = _ASSUMEROLE.fullmatch(source.sql)
    if not said:
        raise SqlNotSupported(
            f"{source.words[0]} ASSUMEROLE: the stand-in knows ON ALL or one chain of roles, one user or PUBLIC, "
            "FOR ALL, COPY or UNLOAD"
        )
    grantee = "0::oid" if said["public"] else f"'{_role_name(said['user'])}'::regrole::oid"
    command = said["command"].upper()
    roles = f"'{said['roles']}'" if said["roles"] else "'*'"
    if said["verb"].upper() == "GRANT":
        return (
            f"INSERT INTO redshift_emulation.assumerole SELECT {roles}, {grantee}, command "  # noqa: S608 - matched above
            f"FROM (VALUES ('COPY'), ('UNLOAD')) AS known (command) WHERE '{command}' IN ('ALL', command) "
            "ON CONFLICT DO NOTHING"
        )
    return (
        f"DELETE FROM redshift_emulation.assumerole WHERE grantee = {grantee} "  # noqa: S608 - matched above
        f"AND '{command}' IN ('ALL', command) AND {roles} IN ('*', roles)"
    )


def _role_name(user: str) -> str:
    return user.replace("'", "''") if user.startswith('"') else user.lower()


def translate_user(source: Source) -> str:
    """Return CREATE or DROP USER for a user that logs in with temporary passwords only."""
    words = source.words
    if words[0] == "DROP":
        return fold_identifiers(source).replace("USER", "ROLE", 1).replace("user", "role", 1)
    if words[3:] != ["PASSWORD", "DISABLE"]:
        raise SqlNotSupported('CREATE USER: the stand-in knows CREATE USER "name" PASSWORD DISABLE only')
    name = source.tokens[2].text
    quoted = (name if is_database_user(name) else name.lower()).replace('"', '""')
    return f'CREATE ROLE "{quoted}" LOGIN'


def translate_schema(source: Source) -> str:
    """Return CREATE, ALTER or DROP SCHEMA; a QUOTA goes, it is physical."""
    words = source.words
    if "QUOTA" in words:
        at = words.index("QUOTA")
        source = source.without([(at, len(words))])
    if "EXTERNAL" in words:
        raise SqlNotSupported("external schemas aren't supported by the stand-in")
    return fold_identifiers(source)


def translate_transaction(source: Source) -> str:
    """Return BEGIN, COMMIT or ROLLBACK: isolation is the database's setting, not the transaction's."""
    words = source.words
    if words[0] in ("BEGIN", "START"):
        return "BEGIN READ ONLY" if words[-2:] == ["READ", "ONLY"] else "BEGIN"
    return "COMMIT" if words[0] in ("COMMIT", "END") else "ROLLBACK"


def translate_setting(source: Source) -> str:
    """Return SET, RESET or SHOW of a known parameter; Redshift's own are kept as custom ones of PostgreSQL."""
    tokens = [token for token in source.tokens[1:] if token.text.upper() not in ("SESSION", "LOCAL")]
    name = tokens[0].text.lower() if tokens else ""
    if name in _POSTGRES_SETTINGS.split():
        return source.sql
    if name not in _REDSHIFT_SETTINGS.split():
        raise SqlNotSupported(f"{source.words[0]} {name}: the stand-in doesn't know this parameter", "42704")
    if name == "enable_case_sensitive_identifier" and source.words[-1] in ("TRUE", "ON"):
        raise SqlNotSupported("case-sensitive identifiers aren't supported by the stand-in")
    return source.sql[: tokens[0].start] + "redshift." + source.sql[tokens[0].start :]


def translate_lock(source: Source) -> str:
    """Return LOCK: Redshift's is always ACCESS EXCLUSIVE."""
    return f"{fold_identifiers(source)} IN ACCESS EXCLUSIVE MODE"


def translate_analyze(source: Source) -> str:
    """Return ANALYZE of the whole table: PostgreSQL has no predicate columns."""
    words = source.words
    return f"ANALYZE {_table(source, 2 if words[1:2] == ['VERBOSE'] else 1)}" if len(words) > 1 else "ANALYZE"


def translate_vacuum(source: Source) -> str:
    """Return ANALYZE for VACUUM: there is nothing to sort, but the table must exist."""
    rest = source.sql[source.tokens[0].end + 1 :].strip()
    if not rest:
        return "ANALYZE"
    table = read(rest)
    at = next((at for at, word in enumerate(table.words) if word not in _VACUUM_OPTIONS), None)
    return "ANALYZE" if at is None else f"ANALYZE {_table(table, at)}"


def translate_plain(source: Source) -> str:
    """Return a statement both databases read alike, with names in lower case."""
    return fold_identifiers(source)


_VACUUM_OPTIONS = {"FULL", "SORT", "DELETE", "ONLY", "REINDEX", "RECLUSTER"}


def _table(source: Source, at: int) -> str:
    if source.tokens[at].token_type not in (TokenType.VAR, TokenType.IDENTIFIER):
        raise SqlNotSupported(f"the stand-in can't read the table's name in: {source.sql}", SYNTAX_ERROR)
    end = at + 3 if source.words[at + 1 : at + 2] == ["."] else at + 1
    return fold_identifiers(read(source.sql[source.tokens[at].start : source.tokens[end - 1].end + 1]))
