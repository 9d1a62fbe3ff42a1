"""A part on the disk: a Parquet file that is read within limits, whatever it says of itself."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from serving.errors import QuarantineError
from serving.part_limits import BATCH_BYTES, PartLimits, rows_at_once

MAX_DIMENSION_BYTES: Final = 65_535  # what Redshift's VARCHAR holds
_MAX_KEY_BYTES: Final = 64  # a hash in hex digits is the longest
_READ_BYTES: Final = 2**18


@dataclass(frozen=True)
class PartFile:
    """An open part; `batch_rows` is how many of its rows may be read at once."""

    key: str
    file: pq.ParquetFile
    schema: pa.Schema
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
                yield from self._decoded(batch)
        except (pa.ArrowException, OSError) as error:
            raise QuarantineError(f"{self.key} can't be read to its end: {error}.", reason="part_broken") from error

    def _decoded(self, batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
        """Yield a batch with its texts written out, cut where that would become too large."""
        widest = sum(self._longest(batch, name) for name in _texts(self.schema))
        rows = max(1, min(batch.num_rows, BATCH_BYTES // max(widest, 1)))
        for start in range(0, batch.num_rows, rows):
            yield batch.slice(start, rows).cast(self.schema)

    def _longest(self, batch: pa.RecordBatch, name: str) -> int:
        """Return the length of a text column's longest value, in bytes."""
        longest = pc.max(pc.binary_length(batch.column(name).dictionary)).as_py() or 0
        limit = MAX_DIMENSION_BYTES if name in self.dimensions else _MAX_KEY_BYTES
        if longest > limit:
            raise QuarantineError(
                f"{self.key} has a {name} of {longest:,} bytes; at most {limit:,} are loaded.", reason="text_too_long"
            )
        return int(longest)


@contextmanager
def opened(
    path: Path, key: str, schema: pa.Schema, dimensions: Collection[str], limits: PartLimits
) -> Iterator[PartFile]:
    """Open the part `key`, which lies at `path`, once its footer and page headers are found sound.

    `dimensions` names the columns that may hold long texts. Raises QuarantineError naming what is wrong:
    not Parquet, other columns or types, another codec or encoding, or more than may be unpacked.
    """
    batch_rows = rows_at_once(path, key, limits)
    try:
        with pq.ParquetFile(path) as file:
            _check_columns(file, key, schema)
            metadata = file.metadata
        # As dictionaries, so that a text is held once, however many rows have it.
        file = pq.ParquetFile(
            path, metadata=metadata, read_dictionary=_texts(schema), pre_buffer=False, buffer_size=_READ_BYTES
        )
    except (pa.ArrowException, OSError) as error:
        raise QuarantineError(f"{key} is not a Parquet file: {error}.", reason="not_parquet") from error
    with file:
        yield PartFile(key, file, schema, dimensions, batch_rows)


def _texts(schema: pa.Schema) -> list[str]:
    return [field.name for field in schema if pa.types.is_string(field.type)]


def _check_columns(file: pq.ParquetFile, key: str, schema: pa.Schema) -> None:
    if not file.schema_arrow.remove_metadata().equals(schema):
        raise QuarantineError(
            f"{key} has other columns than its report: {', '.join(map(str, file.schema_arrow))[:500]}.",
            reason="schema_mismatch",
        )
