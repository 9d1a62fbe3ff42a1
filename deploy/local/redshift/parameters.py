"""Named parameters of the Data API: `:name` in the SQL, values always text."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlglot.tokenizer_core import TokenType

from deploy.local.redshift.dialect import split
from deploy.local.redshift.errors import SqlNotSupported
from deploy.local.redshift.json_protocol import validation_error

_NAME = re.compile(r"[0-9a-zA-Z_]+")


@dataclass(frozen=True)
class Bound:
    """A statement with `$1`, `$2`… in place of its names, and their values in that order."""

    sql: str
    values: tuple[str, ...]


def read_parameters(written: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Return the parameters of a request by name; raise ServiceError for a bad name or an empty value."""
    for parameter in written:
        if not _NAME.fullmatch(parameter.get("name", "")):
            raise validation_error(f"Parameter name {parameter.get('name')!r} must match [0-9a-zA-Z_]+.")
        if not parameter.get("value"):
            raise validation_error(f"Parameter {parameter['name']} must have a value of at least one character.")
    names = [parameter["name"] for parameter in written]
    if len(set(names)) < len(names):
        raise validation_error("Parameters list contains duplicate names.")
    return {parameter["name"]: parameter["value"] for parameter in written}


def bind(statements: Sequence[str], parameters: Mapping[str, str]) -> list[Bound]:
    """Bind the parameters in every statement; raise ServiceError for one that is missing or never used."""
    names = [_named(statement) for statement in statements]
    used = {name for found in names for _, name in found}
    if missing := sorted(used - parameters.keys()):
        raise validation_error(f"Cannot find parameter: {missing[0]}")
    if unused := sorted(parameters.keys() - used):
        raise validation_error(f"Parameters list contains unused parameters. Unused parameters: {unused}")
    return [_bound(statement, found, parameters) for statement, found in zip(statements, names, strict=True)]


def _named(statement: str) -> list[tuple[int, str]]:
    """Return where each `:name` begins, and the name; those inside quotes are text."""
    try:
        sources = split(statement)
    except SqlNotSupported:
        return []  # it will fail when it runs, with its own reason
    if len(sources) != 1 or sources[0].words[0] == "UNLOAD":
        return []
    offset = statement.index(sources[0].sql)
    colons = [token for token in sources[0].tokens if token.token_type == TokenType.COLON]
    matches = [(offset + colon.start, _NAME.match(sources[0].sql, colon.end + 1)) for colon in colons]
    return [(start, match[0]) for start, match in matches if match]


def _bound(statement: str, found: list[tuple[int, str]], parameters: Mapping[str, str]) -> Bound:
    sql = statement
    for number, (start, name) in reversed(list(enumerate(found, 1))):
        sql = f"{sql[:start]}${number}{sql[start + 1 + len(name) :]}"
    return Bound(sql, tuple(parameters[name] for _, name in found))
