"""Text columns as integer codes into their distinct values: what makes grouping and filtering fast."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

NOT_SET = "(not set)"  # what Google reports where an event has no value

_MAX_LOOKUP = 2**22  # up to here a table over all possible keys is cheaper than sorting the keys
_MAX_MARKS = 2**26  # bytes that counting distinct ids may take instead of sorting


@dataclass(frozen=True)
class Coded:
    """One text column: row `i` has the value `values[codes[i]]`; `values` are distinct."""

    codes: Integers
    values: tuple[str, ...]

    @classmethod
    def from_arrow(cls, column: pa.ChunkedArray) -> "Coded":
        """Encode an Arrow column of text, or of its bytes; nulls become `(not set)`."""
        if not pa.types.is_dictionary(column.type):
            is_bytes = pa.types.is_binary(column.type)
            column = (column if is_bytes else column.cast(pa.string())).dictionary_encode()
        encoded = column.unify_dictionaries().combine_chunks()
        if isinstance(encoded, pa.ChunkedArray):
            encoded = encoded.chunk(0) if encoded.num_chunks else pa.array([], pa.string()).dictionary_encode()
        values = encoded.dictionary.to_pylist() + [None] * bool(encoded.indices.null_count)
        codes = encoded.indices.fill_null(len(values) - 1).to_numpy(zero_copy_only=False).astype(np.int64)
        return _merged(codes, [_text(value) for value in values])

    def take(self, rows: Integers) -> "Coded":
        """Return the column of these rows only."""
        return Coded(self.codes[rows], self.values)

    def map(self, function: Callable[[str], str]) -> "Coded":
        """Return the column with each value replaced; values that become equal are merged."""
        return _merged(self.codes, [function(value) for value in self.values])

    def where(self, predicate: Callable[[str], bool]) -> Booleans:
        """Return a mask of the rows whose value satisfies `predicate`, called once per distinct value."""
        chosen = np.fromiter((predicate(value) for value in self.values), dtype=np.bool_, count=len(self.values))
        return chosen[self.codes]

    def texts(self) -> list[str]:
        """Return the value of every row."""
        return [self.values[code] for code in self.codes]


@dataclass(frozen=True)
class Groups:
    """Rows put together by equal values: `of_row[i]` is row i's group; `columns` hold one value per group."""

    of_row: Integers
    count: int
    columns: tuple[Coded, ...]


def joined(left: Coded, right: Coded, separator: str) -> Coded:
    """Return the column of `left + separator + right`."""
    groups = group_rows((left, right), len(left.codes))
    pairs = zip(groups.columns[0].texts(), groups.columns[1].texts(), strict=True)
    return _merged(groups.of_row, [f"{one}{separator}{other}" for one, other in pairs])


def group_rows(columns: Sequence[Coded], row_count: int) -> Groups:
    """Group rows by all `columns`; without columns all rows are one group (none if there are no rows)."""
    key, size = np.zeros(row_count, dtype=np.int64), 1
    for column in columns:
        if size * len(column.values) > _MAX_LOOKUP:
            key, size = _dense(key, size)
        size *= max(len(column.values), 1)
        key = key * len(column.values) + column.codes
    of_row, count = _dense(key, size)
    any_row = np.zeros(count, dtype=np.int64)
    any_row[of_row] = np.arange(row_count)
    return Groups(of_row, count, tuple(column.take(any_row) for column in columns))


def count_distinct(groups: Integers, group_count: int, ids: Integers) -> Integers:
    """Return how many different `ids` each group has."""
    if not len(ids):
        return np.zeros(group_count, dtype=np.int64)
    span = int(ids.max()) + 1
    keys = groups * span + ids
    if group_count * span <= _MAX_MARKS:
        marks = np.zeros(group_count * span, dtype=np.bool_)
        marks[keys] = True
        return np.asarray(np.count_nonzero(marks.reshape(group_count, span), axis=1), dtype=np.int64)
    keys.sort()
    is_first = np.concatenate(([True], keys[1:] != keys[:-1]))
    return np.bincount(keys[is_first] // span, minlength=group_count).astype(np.int64)


def ranks(values: Sequence[str], key: Callable[[str], object] = str) -> Integers:
    """Return each value's place in the order of `key`; equal keys get the same place."""
    places = {one: place for place, one in enumerate(sorted({key(value) for value in values}))}  # type: ignore[type-var]
    return np.fromiter((places[key(value)] for value in values), dtype=np.int64, count=len(values))


def _dense(key: Integers, size: int) -> tuple[Integers, int]:
    if size > _MAX_LOOKUP:
        distinct, dense = np.unique(key, return_inverse=True)
        return dense.astype(np.int64), len(distinct)
    is_present = np.bincount(key, minlength=size) > 0
    return (np.cumsum(is_present) - 1)[key], int(is_present.sum())


def _text(value: str | bytes | None) -> str:
    """Return a value as text; only as bytes can Parquet hold half a surrogate pair, which JSON can carry."""
    if isinstance(value, bytes):
        return value.decode(errors="surrogatepass")
    return NOT_SET if value is None else value


def _merged(codes: Integers, texts: list[str]) -> Coded:
    values = tuple(dict.fromkeys(texts))
    place = {value: code for code, value in enumerate(values)}
    renumbered = np.fromiter((place[text] for text in texts), dtype=np.int64, count=len(texts))
    return Coded(renumbered[codes], values)
