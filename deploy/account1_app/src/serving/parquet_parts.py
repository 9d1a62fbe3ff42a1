"""A part on the disk: a Parquet file that is read within limits, whatever it says of itself."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.errors import QuarantineError
from serving.part_limits import PartSizes

_BATCH_ROWS: Final = 5_000
_MAX_DIMENSION_BYTES: Final = 65_535  # what Redshift's VARCHAR holds
_MAX_KEY_BYTES: Final = 64  # a hash in hex digits is the longest
_EPOCH: Final = date(1970, 1, 1)
_FIRST_DAY: Final = (date.min - _EPOCH).days
_LAST_DAY: Final = (date.max - _EPOCH).days
_BATCH_BYTES: Final = 4 * 2**20
_READ_BYTES: Final = 2**18


@dataclass(frozen=True)
class PartFile:
    """An open part; `batch_rows` is how many of its rows may be read at once."""

    key: str
    file: pq.ParquetFile
    dimensions: Collection[str]
    batch_rows: int

    @property
    def num_rows(self) -> int:
        """How many rows its footer says it has."""
        return int(self.file.metadata.num_rows)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield its rows in order, in batches of bounded size.

        Raises QuarantineError where it can't be read on, or a text is no UTF-8 or too long.
        """
        try:
            for batch in self.file.iter_batches(self.batch_rows):
                batch.validate(full=True)  # reading takes bytes that are no UTF-8 for text
                for name in _texts(batch.schema):
                    _check_length(self.key, name, batch.column(name), self.dimensions)
                for name in _dates(batch.schema):
                    _check_dates(self.key, batch.column(name))
                yield batch
        except (pa.ArrowException, OSError) as error:
            raise QuarantineError(f"{self.key} can't be read to its end: {error}.", reason="part_broken") from error


@contextmanager
def opened(
    path: Path, key: str, schema: pa.Schema, dimensions: Collection[str], sizes: PartSizes
) -> Iterator[PartFile]:
    """Open the part `key`, which lies at `path` and comes to `sizes`.

    `dimensions` names the columns that may hold long texts. Raises QuarantineError naming what is wrong:
    not Parquet, or other columns or types.
    """
    try:
        file = pq.ParquetFile(path, pre_buffer=False, buffer_size=_READ_BYTES)
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        raise QuarantineError(f"{key} is not a Parquet file: {error}.", reason="not_parquet") from error
    with file:
        _check_columns(file, key, schema)
        row_bytes = sizes.widest_row + _longest_texts(path, key, file, dimensions)
        yield PartFile(key, file, dimensions, max(1, min(_BATCH_ROWS, _BATCH_BYTES // max(row_bytes, 1))))


def _check_columns(file: pq.ParquetFile, key: str, schema: pa.Schema) -> None:
    if not file.schema_arrow.remove_metadata().equals(schema):
        raise QuarantineError(
            f"{key} has other columns than its report: {', '.join(map(str, file.schema_arrow))[:500]}.",
            reason="schema_mismatch",
        )


def _longest_texts(path: Path, key: str, file: pq.ParquetFile, dimensions: Collection[str]) -> int:
    """Return how many bytes a row may have whose texts are all the longest of their dictionaries.

    A page of a few bytes may mean the same long text for each of its rows: it is held once as long as
    the rows are not written out.
    """
    texts = _texts(file.schema_arrow)
    try:
        with pq.ParquetFile(
            path, metadata=file.metadata, read_dictionary=texts, pre_buffer=False, buffer_size=_READ_BYTES
        ) as coded:
            found = [max(_dictionary_lengths(key, coded, name, dimensions), default=0) for name in texts]
    except (pa.ArrowException, OSError) as error:
        raise QuarantineError(f"{key} has a page that can't be read: {error}.", reason="part_broken") from error
    pa.default_memory_pool().release_unused()
    return sum(found)


def _dictionary_lengths(key: str, coded: pq.ParquetFile, name: str, dimensions: Collection[str]) -> Iterator[int]:
    """Yield the length of the longest text in the dictionary of each row group; its first row brings all of it."""
    for number in range(coded.num_row_groups):
        for row in islice(coded.iter_batches(1, row_groups=[number], columns=[name]), 1):
            yield _check_length(key, name, row.column(name).dictionary, dimensions)


def _check_length(key: str, name: str, texts: pa.Array, dimensions: Collection[str]) -> int:
    """Return the length in bytes of the longest text. Raises QuarantineError when it is longer than may be."""
    longest = pc.max(pc.binary_length(texts)).as_py() or 0
    limit = _MAX_DIMENSION_BYTES if name in dimensions else _MAX_KEY_BYTES
    if longest > limit:
        raise QuarantineError(
            f"{key} has a {name} of {longest:,} bytes; at most {limit:,} are loaded.", reason="text_too_long"
        )
    return int(longest)


def _check_dates(key: str, dates: pa.Array) -> None:
    days = pc.min_max(dates.cast(pa.int32())).as_py()
    if days["min"] is not None and not (days["min"] >= _FIRST_DAY and days["max"] <= _LAST_DAY):
        raise QuarantineError(f"{key} has a date that no calendar has.", reason="date_out_of_range")


def _dates(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_date32(field.type)]


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type)]
