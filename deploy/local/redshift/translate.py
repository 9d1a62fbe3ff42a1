"""Redshift's SQL into PostgreSQL's, one statement at a time; what isn't known is refused, never passed on."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

from deploy.local.redshift import commands, tables
from deploy.local.redshift.dialect import Source, check_identifiers, parse, read, split, to_postgres
from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.expressions import translate_tree

_CACHED_STATEMENTS = 1024
_CACHED_STATEMENT_CHARACTERS = 20_000


class Kind(Enum):
    """What running a statement means for the transaction it stands in."""

    PLAIN = "plain"
    TRANSACTION = "transaction"
    TRUNCATE = "truncate"
    UNLOAD = "unload"


@dataclass(frozen=True)
class Translated:
    """A statement as PostgreSQL takes it; an UNLOAD stays as it was written."""

    kind: Kind
    sql: str


def translate(sql: str) -> Translated:
    """Return one Redshift statement in PostgreSQL's SQL; raise SqlNotSupported where that isn't possible."""
    if len(sql) > _CACHED_STATEMENT_CHARACTERS:
        return _translate(read(sql))
    return _translate_cached(sql)


def translate_all(sql: str) -> list[Translated]:
    """Return the statements of a text separated by semicolons, each translated."""
    return [translate(source.sql) for source in split(sql)]


@lru_cache(maxsize=_CACHED_STATEMENTS)
def _translate_cached(sql: str) -> Translated:
    return _translate(read(sql))


def _translate(source: Source) -> Translated:
    words = source.words
    if words[0] == "UNLOAD":
        return Translated(Kind.UNLOAD, source.sql)
    check_identifiers(source)
    for prefix, kind, translator in _STATEMENTS:
        if tuple(words[: len(prefix)]) == prefix:
            return Translated(kind, translator(source))
    raise SqlNotSupported(f"the stand-in doesn't support {' '.join(source.sql.split()[:2]).upper()}")


def _query(source: Source) -> str:
    return to_postgres(translate_tree(parse(source)))


def _delete(source: Source) -> str:
    words = source.words
    if words[1] != "FROM":
        first = source.tokens[0].end + 1
        source = read(source.sql[:first] + " FROM" + source.sql[first:])
    return _query(source)


_Translator = Callable[[Source], str]
_STATEMENTS: list[tuple[tuple[str, ...], Kind, _Translator]] = [
    *(((word,), Kind.PLAIN, _query) for word in ("SELECT", "WITH", "(", "INSERT", "UPDATE", "MERGE")),
    (("DELETE",), Kind.PLAIN, _delete),
    *(((word,), Kind.TRANSACTION, commands.translate_transaction) for word in ("BEGIN", "COMMIT", "END", "ROLLBACK")),
    (("START", "TRANSACTION"), Kind.TRANSACTION, commands.translate_transaction),
    (("ABORT",), Kind.TRANSACTION, commands.translate_transaction),
    *(
        (("CREATE", *words, "TABLE"), Kind.PLAIN, tables.translate_create_table)
        for words in ((), ("TEMP",), ("TEMPORARY",), ("LOCAL", "TEMP"), ("LOCAL", "TEMPORARY"))
    ),
    (("CREATE", "VIEW"), Kind.PLAIN, tables.translate_create_view),
    (("CREATE", "OR", "REPLACE", "VIEW"), Kind.PLAIN, tables.translate_create_view),
    (("ALTER", "TABLE"), Kind.PLAIN, tables.translate_alter_table),
    *(((word, "SCHEMA"), Kind.PLAIN, commands.translate_schema) for word in ("CREATE", "ALTER", "DROP")),
    *(((word, "USER"), Kind.PLAIN, commands.translate_user) for word in ("CREATE", "DROP")),
    (("DROP", "TABLE"), Kind.PLAIN, commands.translate_plain),
    (("DROP", "VIEW"), Kind.PLAIN, commands.translate_plain),
    (("ALTER", "DEFAULT", "PRIVILEGES"), Kind.PLAIN, commands.translate_grant),
    *(((word,), Kind.PLAIN, commands.translate_grant) for word in ("GRANT", "REVOKE")),
    (("COMMENT", "ON"), Kind.PLAIN, commands.translate_plain),
    *(((word,), Kind.PLAIN, commands.translate_setting) for word in ("SET", "RESET", "SHOW")),
    (("LOCK",), Kind.PLAIN, commands.translate_lock),
    (("ANALYZE",), Kind.PLAIN, commands.translate_analyze),
    (("VACUUM",), Kind.PLAIN, commands.translate_vacuum),
    (("TRUNCATE",), Kind.TRUNCATE, commands.translate_plain),
]
