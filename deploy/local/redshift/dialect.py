"""How Redshift's SQL is read: sqlglot's Redshift, except that functions stay as they were written.

sqlglot turns functions into its own neutral ones and loses what differs (DATEDIFF counts boundaries in
Redshift); here a function keeps its name, and `functions.py` says what each becomes.
"""

from dataclasses import dataclass
from functools import lru_cache

import sqlglot
from sqlglot import exp
from sqlglot.dialects.postgres import Postgres
from sqlglot.dialects.redshift import Redshift
from sqlglot.errors import SqlglotError
from sqlglot.parsers.redshift import RedshiftParser
from sqlglot.tokenizer_core import Token, TokenType

from deploy.local.redshift.errors import SqlNotSupported

SYNTAX_ERROR = "42601"
POSTGRES_IDENTIFIER_BYTES = 63
REDSHIFT_IDENTIFIER_BYTES = 127
_REMEMBERED_TEXTS = 512  # a statement is read for its parameters first, then to be translated
_OWN_GRAMMAR = {"CAST", "CONVERT", "EXTRACT", "TRIM", "SUBSTRING", "POSITION", "DECODE", "TRY_CAST"}


def _leave_functions_as_written() -> None:
    """Change sqlglot's Redshift for this process; it is compiled, and no class can be derived from it."""
    RedshiftParser.SUPPORTS_IMPLICIT_UNNEST = False  # SUPER isn't emulated, and looking for it copies every subquery
    RedshiftParser.FUNCTIONS = {}
    RedshiftParser.FUNCTION_PARSERS = {
        name: parser for name, parser in RedshiftParser.FUNCTION_PARSERS.items() if name in _OWN_GRAMMAR
    }


_leave_functions_as_written()


@dataclass(frozen=True)
class Source:
    """One statement as it was written, and its tokens."""

    sql: str
    tokens: tuple[Token, ...]

    @property
    def words(self) -> list[str]:
        """Its tokens in capitals, for telling statements apart."""
        return [token.text.upper() for token in self.tokens]

    def without(self, spans: list[tuple[int, int]]) -> "Source":
        """Return the statement without the given ranges of tokens (first, one past the last)."""
        sql = self.sql
        for first, end in sorted(spans, reverse=True):
            sql = sql[: self.tokens[first].start] + " " + sql[self.tokens[end - 1].end + 1 :]
        return read(sql)


def read(sql: str) -> Source:
    """Return one statement with its tokens; raise SqlNotSupported if it can't be read or is more than one."""
    statements = split(sql)
    if len(statements) != 1:
        problem = "no statement" if not statements else "cannot insert multiple commands into a prepared statement"
        raise SqlNotSupported(problem, SYNTAX_ERROR)
    return statements[0]


def split(sql: str) -> list[Source]:
    """Return the statements of a text separated by semicolons, each with its tokens; empty ones are dropped."""
    statements: list[Source] = []
    start = 0
    tokens = _tokens(sql)
    ends = [token.start for token in tokens if token.token_type == TokenType.SEMICOLON]
    if not ends:
        return [Source(sql, tokens)] if tokens else []
    for end in [*ends, len(sql)]:
        part = sql[start:end].strip()
        if own := _tokens(part):
            statements.append(Source(part, own))
        start = end + 1
    return statements


def parse(source: Source) -> exp.Expr:
    """Return the syntax tree of one statement; raise SqlNotSupported if it can't be parsed."""
    try:
        trees = Redshift().parser().parse(list(source.tokens), source.sql)
    except SqlglotError as error:
        detail = str(error).split("\n")[0]
        raise SqlNotSupported(f"the stand-in can't parse this statement: {detail}", SYNTAX_ERROR) from error
    if len(trees) != 1 or trees[0] is None:
        raise SqlNotSupported("the stand-in can't parse this statement", SYNTAX_ERROR)
    return trees[0]


def to_postgres(tree: exp.Expr) -> str:
    """Return the tree as PostgreSQL's SQL; raise SqlNotSupported for what PostgreSQL has no form for."""
    try:
        return tree.sql(dialect=Postgres, unsupported_level=sqlglot.ErrorLevel.RAISE, comments=False)
    except SqlglotError as error:
        raise SqlNotSupported(f"the stand-in's PostgreSQL has no counterpart: {error}") from error


def check_identifiers(source: Source) -> None:
    """Raise SqlNotSupported for a name PostgreSQL would cut short."""
    for token in source.tokens:
        if token.token_type in (TokenType.VAR, TokenType.IDENTIFIER):
            _check_length(token.text)


def _check_length(name: str) -> None:
    length = len(name.encode())
    if length > REDSHIFT_IDENTIFIER_BYTES:
        raise SqlNotSupported(f"identifier of {length} bytes exceeds Redshift's 127: {name}", "42622")
    if length > POSTGRES_IDENTIFIER_BYTES:
        raise SqlNotSupported(
            f"identifier of {length} bytes: the stand-in is narrower than Redshift (63 instead of 127): {name}",
            "42622",
        )


def is_database_user(name: str) -> bool:
    """Tell whether a quoted name is a database user made from an IAM identity: those keep their case."""
    return name.upper().startswith(("IAM:", "IAMR:"))


def fold_identifiers(source: Source) -> str:
    """Return the statement with quoted names in lower case, as Redshift reads them, and `#temporary` ones quoted."""
    sql = source.sql
    for token in reversed(source.tokens):
        written = sql[token.start : token.end + 1]
        if token.token_type == TokenType.IDENTIFIER and not is_database_user(token.text):
            written = written.lower()
        elif token.token_type == TokenType.VAR and written.startswith("#"):
            written = f'"{written.lower()}"'
        sql = sql[: token.start] + written + sql[token.end + 1 :]
    return sql


@lru_cache(maxsize=_REMEMBERED_TEXTS)
def _tokens(sql: str) -> tuple[Token, ...]:
    try:
        return tuple(Redshift().tokenize(sql))
    except SqlglotError as error:
        raise SqlNotSupported(f"the stand-in can't read this statement: {error}", SYNTAX_ERROR) from error
