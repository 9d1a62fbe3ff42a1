"""The data rows of an unload, streamed partition by partition, and the check that they are what was announced.

Everything is downloaded once and read twice: once to check all of it, so that nothing of a bad unload
becomes visible, and once to load it. Reading is far cheaper than writing.
"""

from collections.abc import Generator, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from itertools import groupby, pairwise
from operator import itemgetter
from typing import Final

import pyarrow as pa
import pyarrow.compute as pc

from dataflows.contracts.keys import HASH_DIGITS, dimension_hash
from dataflows.contracts.reports import ReportTable
from serving.control import ControlRow, PartitionKey
from serving.errors import QuarantineError
from serving.part_files import PartFiles
from serving.row_text import joined
from serving.schemas import DECIMAL, data_schema
from serving.unload_files import Part, Unload

_EXACT: Final = Context(prec=76)  # room for the sum of any number of DECIMAL(38,10)
_FULLY_CHECKED_ROWS: Final = 20_000
_CHECKED_ROW_STEP: Final = 50
_HEX_DIGITS: Final = b"0123456789abcdef"
_WIDE: Final = pa.decimal256(76, 10)  # Arrow's sum of decimal128 overflows without a word


@dataclass(frozen=True)
class Piece:
    """Consecutive rows of a batch that are of one partition: from `start` up to and without `end`."""

    key: PartitionKey
    start: int
    end: int


def data_parts(files: PartFiles, unload: Unload, control: Mapping[PartitionKey, ControlRow]) -> list[Part]:
    """Return the data parts in key order; none when every partition is announced empty.

    Raises QuarantineError when rows are announced and there is no data manifest.
    """
    parts = files.bucket.parts(unload.data_manifest_key)
    if parts is not None:
        return parts
    if any(row.row_count for row in control.values()):
        raise QuarantineError(f"{unload.data_manifest_key} is missing.", reason="manifest_missing")
    return []


def stream_batches(files: PartFiles, table: ReportTable, parts: Iterable[Part]) -> Generator[pa.RecordBatch]:
    """Yield the rows of all parts in order, so many at a time; close it to let go of its part.

    Raises QuarantineError for a part that can't be read to its end.
    """
    dimensions = [column.name for column in table.dimensions]
    for part in parts:
        with files.open_part(part, data_schema(table), dimensions) as file:
            yield from file.batches()


def cut(table: ReportTable, batch: pa.RecordBatch) -> list[Piece]:
    """Return the pieces of a batch: it is cut where the partition changes."""
    starts = [0, *_changes(table, batch), batch.num_rows]
    return [Piece(_key(table, batch, start), start, end) for start, end in pairwise(starts) if start < end]


def _changes(table: ReportTable, batch: pa.RecordBatch) -> list[int]:
    """Return the row numbers at which another partition begins."""
    if any(batch.column(name).null_count for name in table.key_columns):
        raise QuarantineError("A row has no value in its key.", reason="key_missing")
    differs = None
    for name in table.partition_columns:
        column = batch.column(name)
        changed = pc.not_equal(column.slice(1), column.slice(0, len(column) - 1))
        differs = changed if differs is None else pc.or_(differs, changed)
    return [index + 1 for index in pc.indices_nonzero(differs).to_pylist()]


def _key(table: ReportTable, batch: pa.RecordBatch, row: int) -> PartitionKey:
    report_id = batch.column("report_id")[row].as_py() if table.is_custom else table.name
    return PartitionKey(batch.column("property_id")[row].as_py(), report_id, batch.column("date")[row].as_py())


@dataclass
class _Tally:
    """What has been read of one partition so far."""

    rows: int = 0
    sums: list[Decimal] = field(default_factory=list)
    last_hash: str = ""


def check_rows(
    table: ReportTable, batches: Iterator[pa.RecordBatch], control: Mapping[PartitionKey, ControlRow]
) -> None:
    """Read every row and compare with the control rows: order, keys, counts, sums.

    Raises QuarantineError with the first thing that does not agree.
    """
    without_rows = dict(control)
    sample = _Sample(table)
    previous: PartitionKey | None = None
    for key, pieces in groupby(_pieces(table, batches), key=itemgetter(0)):
        if key not in control:
            raise QuarantineError(f"Rows of {key} were not announced.", reason="row_not_announced")
        if previous is not None and key < previous:
            raise QuarantineError(f"Rows of {key} come out of order.", reason="rows_unordered")
        tally = _empty_tally(table)
        for _, rows in pieces:
            _add(table, tally, key, rows)
            sample.check(key, rows)
        _compare(without_rows.pop(key), tally)
        previous = key
    for row in without_rows.values():
        _compare(row, _empty_tally(table))


def _pieces(table: ReportTable, batches: Iterator[pa.RecordBatch]) -> Iterator[tuple[PartitionKey, pa.RecordBatch]]:
    for batch in batches:
        for piece in cut(table, batch):
            yield piece.key, batch.slice(piece.start, piece.end - piece.start)


def _empty_tally(table: ReportTable) -> _Tally:
    return _Tally(sums=[Decimal(0)] * len(table.metrics))


def _add(table: ReportTable, tally: _Tally, key: PartitionKey, rows: pa.RecordBatch) -> None:
    hashes = rows.column("dimension_hash")
    if not _are_hashes(hashes):
        raise QuarantineError(f"A row of {key} has a bad dimension_hash.", reason="bad_hash")
    is_rising = pc.all(pc.greater(hashes.slice(1), hashes.slice(0, len(hashes) - 1)), min_count=0).as_py()
    if not is_rising or hashes[0].as_py() <= tally.last_hash:
        raise QuarantineError(f"Rows of {key} are repeated or out of order.", reason="rows_unordered")
    tally.rows += rows.num_rows
    tally.last_hash = hashes[-1].as_py()
    tally.sums = [
        _EXACT.add(total, _sum(rows.column(column.name)))
        for total, column in zip(tally.sums, table.metrics, strict=True)
    ]


def _are_hashes(texts: pa.StringArray) -> bool:
    """Whether each text is 64 hex digits; a regular expression would take as long as reading them."""
    has_length = pc.all(pc.equal(pc.binary_length(texts), HASH_DIGITS)).as_py()
    return has_length and not joined(texts, b"").translate(None, _HEX_DIGITS)


@dataclass
class _Sample:
    """Computes the hashes of rows anew: of the first rows of an unload, then of every so many.

    A warehouse that hashes otherwise is found by it; to hash all of a large unload takes as long as to load it.
    """

    table: ReportTable
    rows_seen: int = 0
    width: int = 0  # how many dimensions the last hash was of

    def check(self, key: PartitionKey, rows: pa.RecordBatch) -> None:
        step = 1 if self.rows_seen < _FULLY_CHECKED_ROWS else _CHECKED_ROW_STEP
        self.rows_seen += rows.num_rows
        dimensions = [column.name for column in self.table.dimensions]
        for row in rows.select(["dimension_hash", *dimensions]).take(_every(step, rows)).to_pylist():
            stored = row.pop("dimension_hash")
            if not self._is_hash_of(stored, list(row.values())):
                raise QuarantineError(
                    f"A row of {key} has the hash {stored}, which is not that of its dimensions.",
                    reason="hash_mismatch",
                )

    def _is_hash_of(self, stored: str, values: list[str | None]) -> bool:
        for width in sorted(self._widths(values), key=lambda width: width != self.width):
            if dimension_hash(values[:width]) == stored:
                self.width = width
                return True
        return False

    def _widths(self, values: list[str | None]) -> range:
        """Return how many dimensions a row may have; a custom report may leave out the last slots, which are null."""
        most = least = len(values)
        while self.table.is_custom and least and values[least - 1] is None:
            least -= 1
        return range(least, most + 1)


def _every(step: int, rows: pa.RecordBatch) -> pa.Array:
    return pa.array(range(0, rows.num_rows, step))


def _sum(column: pa.Array) -> Decimal:
    """Return the exact sum of a column of numbers, nulls left out."""
    total = pc.sum(column.cast(_WIDE if column.type == DECIMAL else DECIMAL)).as_py()
    return Decimal(0) if total is None else total


def _compare(row: ControlRow, tally: _Tally) -> None:
    if tally.rows != row.row_count:
        raise QuarantineError(
            f"{row.key} has {tally.rows} rows; its control row says {row.row_count}.", reason="row_count_mismatch"
        )
    if tuple(tally.sums) != row.sums:
        raise QuarantineError(f"The sums of {row.key} are not those of its control row.", reason="sum_mismatch")
