"""A state of a report to be loaded: as an unload in S3 for the loader, and as CSV for the server itself."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.loading.report_rows import PROPERTY_ID, REPORT_ID, Day, day_rows, days
from dataflows.contracts.naming import unload_control_prefix, unload_data_prefix
from dataflows.contracts.reports import ReportTable
from serving.schemas import DECIMAL, control_schema

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

# As UNLOAD writes them: parts of at most 64 MB, row groups of about 32 MB.
_PART_ROWS: Final = 500_000
_GROUP_ROWS: Final = 100_000
_CSV_ESCAPES: Final = (("\\", "\\\\"), (",", "\\,"), ("\n", "\\\n"))
_CSV_NULL: Final = "\\N"
_AN_ID: Final = "00000000-0000-4000-8000-000000000000"  # of the data flow and its request, which only travel along


@dataclass(frozen=True)
class State:
    """What a table is to hold: its rows, the manifest that announces them, and files that hold them."""

    rows: int
    manifest_key: str
    csv_path: Path
    part_paths: tuple[Path, ...]


@dataclass(frozen=True)
class StateWriter:
    """Writes states of one report to a bucket and to a folder; both exist."""

    client: "S3Client"
    bucket: str
    folder: Path
    table: ReportTable

    def write(self, rows: int, rows_a_day: int, *, is_restated: bool) -> State:
        """Write days that have `rows` rows together: their old state, or what a restatement made of it."""
        generation = 2 if is_restated else 1
        run_id = f"{rows:016x}{rows_a_day:015x}{generation:x}"
        all_days = list(days(rows, rows_a_day))
        tables = [day_rows(self.table, day, is_restated=is_restated) for day in all_days]
        csv_path = self.folder / f"{run_id}.csv"
        _write_csv(csv_path, tables)
        parts = tuple(self._write_parts(unload_data_prefix(self.table.name, run_id), pa.concat_tables(tables)))
        control = [self._control_row(day, generation, rows) for day, rows in zip(all_days, tables, strict=True)]
        prefix = unload_control_prefix(self.table.name, run_id)
        list(self._write_parts(prefix, pa.Table.from_pylist(control, schema=control_schema(self.table))))
        return State(sum(map(len, tables)), f"{prefix}manifest", csv_path, parts)

    def _write_parts(self, prefix: str, rows: pa.Table) -> Iterator[Path]:
        entries = []
        for number, start in enumerate(range(0, rows.num_rows, _PART_ROWS)):
            piece = rows.slice(start, _PART_ROWS)
            key = f"{prefix}{number:03}.parquet"
            path = self.folder / key.replace("/", "-")
            pq.write_table(piece, path, compression="snappy", row_group_size=_GROUP_ROWS)
            self.client.upload_file(str(path), self.bucket, key)
            meta = {"content_length": path.stat().st_size, "record_count": piece.num_rows}
            entries.append({"url": f"s3://{self.bucket}/{key}", "meta": meta})
            yield path
        manifest = json.dumps({"entries": entries}).encode()
        self.client.put_object(Bucket=self.bucket, Key=f"{prefix}manifest", Body=manifest)

    def _control_row(self, day: Day, generation: int, rows: pa.Table) -> dict[str, Any]:
        known: dict[str, Any] = {
            "property_id": PROPERTY_ID,
            "report_id": REPORT_ID,
            "date": day.date,
            "generation": generation,
            "row_count": rows.num_rows,
            **{f"sum_{column.name}": _sum(rows.column(column.name)) for column in self.table.metrics},
        }
        return {name: known.get(name, _AN_ID) for name in control_schema(self.table).names}


def _sum(column: pa.ChunkedArray) -> Decimal:
    return pc.sum(column.cast(DECIMAL)).as_py() or Decimal("0E-10")


def _write_csv(path: Path, tables: Iterable[pa.Table]) -> None:
    with path.open("wb") as file:
        for table in tables:
            columns = [_csv_column(column.combine_chunks()) for column in table.columns]
            lines = pc.binary_join_element_wise(*columns, ",").to_pylist()
            file.write(("\n".join(lines) + "\n").encode())


def _csv_column(column: pa.Array) -> pa.StringArray:
    text = column.cast(pa.string())
    if pa.types.is_string(column.type):
        for character, escaped in _CSV_ESCAPES:
            text = pc.replace_substring(text, character, escaped)
    return pc.fill_null(text, _CSV_NULL)
