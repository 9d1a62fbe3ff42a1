"""Unloads as Redshift writes them: Parquet parts, verbose manifests, control rows."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Context, Decimal, localcontext
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from mypy_boto3_s3 import S3Client

from dataflows.contracts.keys import dimension_hash
from dataflows.contracts.naming import unload_control_prefix, unload_data_prefix
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from serving.schemas import control_schema, data_schema

DATA_FLOW_ID: Final = "8a1d3f4e-0000-4000-8000-000000000001"
CORRELATION_ID: Final = "5c0ffee0-0000-4000-8000-000000000002"
_EXACT: Final = Context(prec=76)

Row = dict[str, Any]


def report_row(table: ReportTable, property_id: str, day: date, dimensions: Iterable[str | None], **values: Any) -> Row:
    """Return a row of a report table; numbers that are not given are 1, computed ones null."""
    texts = list(dimensions)
    names = [column.name for column in table.dimensions]
    report_id = {"report_id": values.pop("report_id")} if table.is_custom else {}
    return {
        "property_id": property_id,
        **report_id,
        "date": day,
        "dimension_hash": dimension_hash(texts),
        **dict(zip(names, texts + [None] * (len(names) - len(texts)), strict=True)),
        **{column.name: values.get(column.name, 1) for column in table.metrics},
        **{column.name: values.get(column.name) for column in table.computed},
    }


@dataclass
class UnloadWriter:
    """Writes unloads of one report table to a bucket, as the warehouse would; tests may spoil what it writes."""

    client: S3Client
    bucket: str
    table: ReportTable
    run_id: str
    rows_a_part: int = 1_000_000
    parts: dict[str, bytes] = field(default_factory=dict)

    @classmethod
    def of(cls, client: S3Client, bucket: str, table_name: str, number: int) -> "UnloadWriter":
        """Return a writer whose run id is made from `number`."""
        return cls(client, bucket, REPORT_TABLES[table_name], f"{number:032x}")

    @property
    def manifest_key(self) -> str:
        """The control manifest, which triggers the load."""
        return f"{unload_control_prefix(self.table.name, self.run_id)}manifest"

    def write(self, rows: list[Row], generations: Mapping[tuple[Any, ...], int]) -> str:
        """Write data, then control; `generations` names every partition, those without rows too. Return the key."""
        ordered = sorted(rows, key=lambda row: tuple(row[name] for name in self.table.key_columns))
        if ordered:
            self.write_data(ordered)
        self.write_control(self.control_rows(ordered, generations))
        return self.manifest_key

    def write_data(self, rows: list[Row]) -> None:
        """Write rows as they are given."""
        prefix = unload_data_prefix(self.table.name, self.run_id)
        pieces = [rows[start : start + self.rows_a_part] for start in range(0, len(rows), self.rows_a_part)]
        self._write(prefix, [_table(piece, data_schema(self.table)) for piece in pieces])

    def write_control(self, rows: list[Row], schema: pa.Schema | None = None) -> None:
        """Write control rows as they are given, in the loader's own schema or another."""
        tables = [_table(rows, schema or control_schema(self.table))]
        self._write(unload_control_prefix(self.table.name, self.run_id), tables)

    def control_rows(self, rows: list[Row], generations: Mapping[tuple[Any, ...], int]) -> list[Row]:
        """Return what the warehouse would say of these rows."""
        return [self._control_row(partition, generation, rows) for partition, generation in generations.items()]

    def _control_row(self, partition: tuple[Any, ...], generation: int, rows: list[Row]) -> Row:
        names = self.table.partition_columns
        own = [row for row in rows if tuple(row[name] for name in names) == partition]
        with localcontext(_EXACT):
            sums = {
                f"sum_{column.name}": sum((Decimal(row[column.name] or 0) for row in own), Decimal(0))
                for column in self.table.metrics
            }
        ids = {"data_flow_id": DATA_FLOW_ID, "correlation_id": CORRELATION_ID}
        counts = {"generation": generation, "row_count": len(own)}
        return {**dict(zip(names, partition, strict=True)), **ids, **counts, **sums}

    def data_body(self, rows: list[Row], **options: Any) -> bytes:
        """Return rows as a data part holds them; `options` are those of Arrow's writer."""
        return parquet_bytes(_table(rows, data_schema(self.table)), **options)

    def put_data(self, body: bytes, rows: int) -> None:
        """Write one data part, whatever it is, and a manifest that says it has so many rows."""
        self._put(unload_data_prefix(self.table.name, self.run_id), [(body, rows)])

    def _write(self, prefix: str, tables: list[pa.Table]) -> None:
        self._put(prefix, [(parquet_bytes(table), table.num_rows) for table in tables])

    def _put(self, prefix: str, parts: list[tuple[bytes, int]]) -> None:
        entries = []
        for number, (body, rows) in enumerate(parts):
            key = f"{prefix}{number:04}_part_00.parquet"
            self.client.put_object(Bucket=self.bucket, Key=key, Body=body)
            meta = {"content_length": len(body), "record_count": rows}
            entries.append({"url": f"s3://{self.bucket}/{key}", "meta": meta})
        manifest = json.dumps({"entries": entries})
        self.client.put_object(Bucket=self.bucket, Key=f"{prefix}manifest", Body=manifest.encode())


def parquet_bytes(table: pa.Table, **options: Any) -> bytes:
    """Return a table as a Parquet file; `options` are those of Arrow's writer."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **{"write_batch_size": 16, **options})  # pages of some size, even of wide rows
    return buffer.getvalue()


def _table(rows: list[Row], schema: pa.Schema) -> pa.Table:
    converted = [{name: _exact(value) for name, value in row.items()} for row in rows]
    return pa.Table.from_pylist(converted, schema=schema)


def _exact(value: Any) -> Any:
    return value.quantize(Decimal("1e-10"), context=_EXACT) if isinstance(value, Decimal) else value
