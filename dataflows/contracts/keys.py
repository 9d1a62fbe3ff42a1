"""The key of a report row: a hash over its dimension values that compares bytes, not collations.

Canonical form, for dimensions v1…vn in their declared order: for each value `N` when it is null, or
`V<length in bytes>:<hex SHA-256 of its UTF-8 bytes>`; the key is the SHA-256 of these, joined. Length
and fixed-size inner hash keep ("a", "b") and ("ab", "") apart and any value's length out of SQL's limits.
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

HASH_DIGITS: Final = 64


def dimension_hash(values: Iterable[str | None]) -> str:
    """Return the key of a row with these dimension values, as 64 lower-case hex digits.

    Raises UnicodeEncodeError for a lone surrogate, which UTF-8 can't carry.
    """
    canonical = "".join(_canonical(value) for value in values)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _canonical(value: str | None) -> str:
    if value is None:
        return "N"
    encoded = value.encode()
    return f"V{len(encoded)}:{hashlib.sha256(encoded).hexdigest()}"


def dimension_hash_sql(columns: Sequence[str]) -> str:
    """Return the Redshift SQL expression that computes `dimension_hash` of these columns."""
    if not columns:
        return "SHA2('', 256)"
    parts = (
        f"CASE WHEN {column} IS NULL THEN 'N' "
        f"ELSE 'V' || CAST(OCTET_LENGTH({column}) AS VARCHAR(10)) || ':' || SHA2({column}, 256) END"
        for column in columns
    )
    return f"SHA2({' || '.join(parts)}, 256)"
