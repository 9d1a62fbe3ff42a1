"""The part files of an UNLOAD: written one batch at a time, a new part where the size cap is reached."""

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import RawIOBase
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Protocol

import psycopg
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
from psycopg import sql

from deploy.local.redshift.unload_columns import Column
from deploy.local.redshift.unload_statement import UnloadStatement

_BLOCK_BYTES = 4 << 20
_SLICES = 2


@dataclass(frozen=True)
class Part:
    """A file that is in S3: its key, size in bytes and rows."""

    key: str
    content_length: int
    record_count: int


Upload = Callable[[Path, str], None]


class _Writer(Protocol):
    def write(self, batch: pa.RecordBatch) -> None: ...

    def size(self) -> int: ...

    def close(self) -> None: ...


class ParquetWriter:
    """Writes batches to a Parquet file, one row group each."""

    def __init__(self, path: Path, columns: list[Column], _statement: UnloadStatement) -> None:
        schema = pa.schema([(column.name, column.arrow) for column in columns])
        self._file = path.open("wb")
        self._writer = pq.ParquetWriter(self._file, schema, compression="snappy")

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch."""
        self._writer.write_batch(batch)

    def size(self) -> int:
        """Return the bytes written so far."""
        return self._file.tell()

    def close(self) -> None:
        """Finish the file."""
        self._writer.close()
        self._file.close()


class CsvWriter:
    """Writes batches to a CSV file, gzipped on request; NULL and the empty text look alike, as in Redshift."""

    def __init__(self, path: Path, columns: list[Column], statement: UnloadStatement) -> None:
        self._file: IO[bytes] = path.open("wb")
        self._out: Any = gzip.GzipFile(fileobj=self._file, mode="wb") if "GZIP" in statement.flags else self._file
        if "HEADER" in statement.flags:
            self._out.write((",".join(column.name for column in columns) + "\n").encode())
        self._options = pa_csv.WriteOptions(include_header=False, quoting_style="needed")

    def write(self, batch: pa.RecordBatch) -> None:
        """Add a batch."""
        pa_csv.write_csv(batch, self._out, self._options)

    def size(self) -> int:
        """Return the bytes written so far."""
        return self._file.tell()

    def close(self) -> None:
        """Finish the file."""
        if self._out is not self._file:
            self._out.close()
        self._file.close()


class PartWriter:
    """Deals batches over slices, and uploads each slice's file when it is full or at the end."""

    def __init__(self, statement: UnloadStatement, columns: list[Column], upload: Upload) -> None:
        self.parts: list[Part] = []
        self._statement = statement
        self._columns = columns
        self._upload = upload
        self._open: dict[int, _OpenPart] = {}
        self._part_numbers = [0] * (_SLICES if statement.is_parallel else 1)

    def write_all(self, batches: Iterator[pa.RecordBatch]) -> int:
        """Write and upload every batch; return the number of rows."""
        with TemporaryDirectory(prefix="redshift-unload-") as folder:
            for number, batch in enumerate(batches):
                self._write(Path(folder), number % len(self._part_numbers), batch)
            if not self._open and not self.parts and self._statement.format == "CSV":
                self._open[0] = self._new_part(Path(folder), 0)
            for slice_number in list(self._open):
                self._finish(slice_number)
        return sum(part.record_count for part in self.parts)

    def _write(self, folder: Path, slice_number: int, batch: pa.RecordBatch) -> None:
        if slice_number not in self._open:
            self._open[slice_number] = self._new_part(folder, slice_number)
        part = self._open[slice_number]
        part.writer.write(batch)
        part.rows += batch.num_rows
        if part.writer.size() >= self._statement.max_file_bytes:
            self._finish(slice_number)

    def _new_part(self, folder: Path, slice_number: int) -> "_OpenPart":
        number = self._part_numbers[slice_number]
        self._part_numbers[slice_number] += 1
        stem = f"{slice_number:04d}_part_{number:02d}" if self._statement.is_parallel else f"{number:03d}"
        path = folder / f"{stem}{_suffix(self._statement)}"
        writer = _WRITERS[self._statement.format](path, self._columns, self._statement)
        return _OpenPart(path, writer)

    def _finish(self, slice_number: int) -> None:
        part = self._open.pop(slice_number)
        part.writer.close()
        key = self._statement.prefix + part.path.name
        self._upload(part.path, key)
        self.parts.append(Part(key, part.path.stat().st_size, part.rows))
        part.path.unlink()


@dataclass
class _OpenPart:
    path: Path
    writer: _Writer
    rows: int = 0


_WRITERS: dict[str, Callable[[Path, list[Column], UnloadStatement], _Writer]] = {
    "PARQUET": ParquetWriter,
    "CSV": CsvWriter,
}


def read_batches(connection: psycopg.Connection, query: str, columns: list[Column]) -> Iterator[pa.RecordBatch]:
    """Yield a PostgreSQL query's rows in its order, as Arrow batches of a few megabytes."""
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv)").format(sql.SQL(query))
    with connection.cursor() as cursor, cursor.copy(statement) as copy:
        source = _CopySource(iter(copy))
        if not source.is_empty():
            yield from pa_csv.open_csv(
                pa.PythonFile(source, mode="r"),
                read_options=pa_csv.ReadOptions(
                    use_threads=False, block_size=_BLOCK_BYTES, column_names=[column.name for column in columns]
                ),
                parse_options=pa_csv.ParseOptions(newlines_in_values=True, double_quote=True),
                convert_options=_convert_options(columns),
            )


def _convert_options(columns: list[Column]) -> pa_csv.ConvertOptions:
    return pa_csv.ConvertOptions(
        column_types={column.name: column.arrow for column in columns},
        null_values=[""],
        strings_can_be_null=True,
        quoted_strings_can_be_null=False,
        true_values=["t"],
        false_values=["f"],
        check_utf8=True,
    )


class _CopySource(RawIOBase):
    """PostgreSQL's COPY output as a file: what is read is fetched, nothing more."""

    def __init__(self, rows: Iterator[Any]) -> None:
        self._rows = rows
        self._buffer = bytearray()

    def is_empty(self) -> bool:
        """Tell whether there is no row at all."""
        self._fill(1)
        return not self._buffer

    def readable(self) -> bool:
        """Tell that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return up to `size` bytes."""
        wanted = size if size >= 0 else 1 << 62
        self._fill(wanted)
        taken = bytes(self._buffer[:wanted])
        del self._buffer[:wanted]
        return taken

    def _fill(self, wanted: int) -> None:
        while len(self._buffer) < wanted and (row := next(self._rows, None)) is not None:
            self._buffer += row


def _suffix(statement: UnloadStatement) -> str:
    if statement.format == "PARQUET":
        return ".parquet"
    return ".gz" if "GZIP" in statement.flags else ""
