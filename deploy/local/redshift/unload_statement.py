"""UNLOAD as it is written: parsed, and refused where Redshift refuses it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlglot import exp

from deploy.local.redshift.dialect import SYNTAX_ERROR, parse, read
from deploy.local.redshift.errors import SqlNotSupported

MEGABYTE = 1 << 20
DEFAULT_MAX_FILE_BYTES = int(6.2 * (1 << 30))
MIN_FILE_BYTES = 5 * MEGABYTE
_HEAD = re.compile(
    r"\s*UNLOAD\s*\(\s*(?:'(?P<quoted>(?:[^']|'')*)'|\$\$(?P<dollar>.*?)\$\$)\s*\)\s*TO\s*'(?P<to>[^']+)'(?P<options>.*)",
    re.DOTALL | re.IGNORECASE,
)
_OPTION = re.compile(
    r"""\s*(?:
    IAM_ROLE\s+'(?P<roles>[^']+)'
    | REGION\s+(?:AS\s+)?'(?P<region>[^']+)'
    | (?:FORMAT\s+(?:AS\s+)?)?(?P<format>PARQUET|CSV)\b
    | (?P<manifest>MANIFEST)\b(?P<verbose>\s+VERBOSE\b)?
    | PARALLEL\s+(?P<parallel>ON|TRUE|OFF|FALSE)\b
    | MAXFILESIZE\s+(?:AS\s+)?(?P<size>\d+(?:\.\d+)?)\s*(?P<unit>MB|GB)\b
    | (?P<flag>ALLOWOVERWRITE|CLEANPATH|HEADER|GZIP)\b
    )""",
    re.VERBOSE | re.IGNORECASE,
)


@dataclass(frozen=True)
class UnloadStatement:
    """What an UNLOAD asks for; `roles` is the chain, `region` None where none is written."""

    query: str
    bucket: str
    prefix: str
    roles: tuple[str, ...]
    region: str | None = None
    format: str = "PARQUET"
    has_manifest: bool = False
    is_verbose: bool = False
    is_parallel: bool = True
    max_file_bytes: int = DEFAULT_MAX_FILE_BYTES
    flags: frozenset[str] = frozenset()


def parse_unload(sql: str) -> UnloadStatement:
    """Return what an UNLOAD says; raise SqlNotSupported where Redshift, or the stand-in, refuses it."""
    head = _HEAD.fullmatch(sql.rstrip().rstrip(";"))
    if not head:
        raise SqlNotSupported(
            "syntax error in UNLOAD: expected UNLOAD ('query') TO 's3://…' IAM_ROLE '…'", SYNTAX_ERROR
        )
    options = _options(head["options"])
    query = head["dollar"] if head["quoted"] is None else head["quoted"].replace("''", "'")
    _check_query(query)
    bucket, prefix = _target(head["to"])
    statement = UnloadStatement(
        query=query,
        bucket=bucket,
        prefix=prefix,
        roles=_roles(options.get("roles")),
        region=options.get("region"),
        format=(options.get("format") or "TEXT").upper(),
        has_manifest="manifest" in options,
        is_verbose="verbose" in options,
        is_parallel=options.get("parallel", "ON").upper() in ("ON", "TRUE"),
        max_file_bytes=_file_bytes(options),
        flags=frozenset(name for name in _FLAGS if name in options),
    )
    _check_combination(statement)
    return statement


_FLAGS = ("ALLOWOVERWRITE", "CLEANPATH", "HEADER", "GZIP")


def _options(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    at = 0
    while text[at:].strip():
        option = _OPTION.match(text, at)
        if not option:
            raise SqlNotSupported(
                f"UNLOAD: the stand-in can't read the options from: {text[at:].strip()[:80]}", SYNTAX_ERROR
            )
        named = {name: value for name, value in option.groupdict().items() if value is not None}
        if flag := named.pop("flag", None):
            named[flag.upper()] = flag
        if repeated := named.keys() & found.keys():
            raise SqlNotSupported(f"conflicting or redundant options: {', '.join(sorted(repeated))}", SYNTAX_ERROR)
        found |= named
        at = option.end()
    return found


def _target(url: str) -> tuple[str, str]:
    parts = urlsplit(url, allow_fragments=False)
    if parts.scheme != "s3" or not parts.netloc:
        raise SqlNotSupported("UNLOAD destination must be an S3 path: s3://bucket/prefix", SYNTAX_ERROR)
    return parts.netloc, url.removeprefix(f"s3://{parts.netloc}").removeprefix("/")


def _roles(chain: str | None) -> tuple[str, ...]:
    if not chain:
        raise SqlNotSupported(
            "UNLOAD: the stand-in wants IAM_ROLE with the ARN of one role, or of a chain", SYNTAX_ERROR
        )
    if re.search(r"\s", chain):
        raise SqlNotSupported("UNLOAD: the ARNs of chained roles are separated by commas without spaces", SYNTAX_ERROR)
    roles = tuple(chain.split(","))
    if not all(re.fullmatch(r"arn:aws[\w-]*:iam::\d{12}:role/[\w+=,.@/-]+", role) for role in roles):
        raise SqlNotSupported(f"UNLOAD: invalid IAM_ROLE: {chain}", SYNTAX_ERROR)
    return roles


def _file_bytes(options: dict[str, str]) -> int:
    if "size" not in options:
        return DEFAULT_MAX_FILE_BYTES
    unit = MEGABYTE if options["unit"].upper() == "MB" else 1 << 30
    size = int(float(options["size"]) * unit)
    if not MIN_FILE_BYTES <= size <= DEFAULT_MAX_FILE_BYTES:
        raise SqlNotSupported("MAXFILESIZE must be between 5 MB and 6.2 GB", SYNTAX_ERROR)
    return size


def _check_query(query: str) -> None:
    tree = parse(read(query))
    if not isinstance(tree, exp.Query):
        raise SqlNotSupported("UNLOAD takes a SELECT", SYNTAX_ERROR)
    if tree.args.get("limit"):
        raise SqlNotSupported(
            "Limit clause is not supported in UNLOAD's outer SELECT: nest it in a subquery", SYNTAX_ERROR
        )


def _check_combination(statement: UnloadStatement) -> None:
    if statement.format == "TEXT":
        raise SqlNotSupported("UNLOAD: the stand-in writes FORMAT PARQUET and CSV only")
    if statement.format == "PARQUET" and statement.flags & {"HEADER", "GZIP"}:
        raise SqlNotSupported("HEADER and GZIP are not supported for UNLOAD to PARQUET", SYNTAX_ERROR)
    if {"ALLOWOVERWRITE", "CLEANPATH"} <= statement.flags:
        raise SqlNotSupported("CLEANPATH and ALLOWOVERWRITE exclude each other", SYNTAX_ERROR)
