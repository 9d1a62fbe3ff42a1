"""An unload as the warehouse wrote it, open to be spoilt."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq
from mypy_boto3_s3 import S3Client

from dataflows.contracts.reports import REPORT_TABLES
from tests.serving.unloads import Row, UnloadWriter, parquet_bytes, report_row

TABLE: Final = REPORT_TABLES["traffic_acquisition"]
DAYS: Final = (date(2026, 11, 1), date(2026, 11, 2))
OTHER_DAY: Final = date(2026, 11, 3)
_ROWS_A_DAY: Final = 6

Spoil = Callable[["Unloaded"], None]


def good_rows(property_id: str, generation: int) -> list[Row]:
    """Return a property's rows of two days, as a generation of them would be."""
    return [
        report_row(
            TABLE,
            property_id,
            day,
            ("Organic", f"source {number}", "(none)", None, "Köln"),
            sessions=1_000 * generation + number,
            total_revenue=Decimal(f"{number}.0000000001") * generation,
        )
        for day in DAYS
        for number in range(generation, generation + _ROWS_A_DAY)
    ]


@dataclass
class Unloaded:
    """An unload of one property's two days, in two data parts; what is changed of it lies in the bucket at once."""

    writer: UnloadWriter
    property_id: str
    generation: int

    @classmethod
    def write(cls, client: S3Client, bucket: str, number: int, property_id: str, generation: int) -> "Unloaded":
        """Write a sound one; its run id is made from `number`."""
        unloaded = cls(UnloadWriter.of(client, bucket, TABLE.name, number), property_id, generation)
        unloaded.writer.rows_a_part = _ROWS_A_DAY + 2  # so that the second day's rows lie in both
        unloaded.mend()
        return unloaded

    def mend(self) -> None:
        """Write all of it as it should be, and remove what should not be there."""
        self.remove(*self._objects())
        self.writer.write(self.rows, self.generations)

    @property
    def rows(self) -> list[Row]:
        """Its rows, in key order."""
        rows = good_rows(self.property_id, self.generation)
        return sorted(rows, key=lambda row: tuple(row[name] for name in TABLE.key_columns))

    @property
    def generations(self) -> dict[tuple[Any, ...], int]:
        """What it announces."""
        return {(self.property_id, day): self.generation for day in DAYS}

    def key(self, name: str, kind: str = "data") -> str:
        """Return the key of an object of it."""
        return f"{TABLE.name}/{self.writer.run_id}/{kind}/{name}"

    def part_key(self, number: int = 0, kind: str = "data") -> str:
        """Return the key of a part."""
        return self.key(f"{number:04}_part_00.parquet", kind)

    def read(self, key: str) -> bytes:
        """Return what lies in the bucket."""
        return self.writer.client.get_object(Bucket=self.writer.bucket, Key=key)["Body"].read()

    def put(self, key: str, body: bytes) -> None:
        """Put something into the bucket."""
        self.writer.client.put_object(Bucket=self.writer.bucket, Key=key, Body=body)

    def remove(self, *keys: str) -> None:
        """Remove objects."""
        for key in keys:
            self.writer.client.delete_object(Bucket=self.writer.bucket, Key=key)

    def manifest(self, kind: str = "data") -> dict[str, Any]:
        """Return a manifest as it is."""
        content: dict[str, Any] = json.loads(self.read(self.key("manifest", kind)))
        return content

    def put_manifest(self, content: object, kind: str = "data") -> None:
        """Put another manifest in its place: bytes as they are, anything else as JSON."""
        self.put(self.key("manifest", kind), content if isinstance(content, bytes) else json.dumps(content).encode())

    def put_part(self, body: bytes, *, number: int = 0, kind: str = "data", rows: int | None = None) -> None:
        """Put another part in a part's place; the manifest agrees with it."""
        self.put(self.part_key(number, kind), body)
        manifest = self.manifest(kind)
        meta = manifest["entries"][number]["meta"]
        meta.update({"content_length": len(body), "record_count": meta["record_count"] if rows is None else rows})
        self.put_manifest(manifest, kind)

    def table(self, number: int = 0, kind: str = "data") -> pa.Table:
        """Return a part's rows."""
        return pq.read_table(BytesIO(self.read(self.part_key(number, kind))))

    def put_table(self, table: pa.Table, *, number: int = 0, kind: str = "data", **options: Any) -> None:
        """Put other rows in a part's place; `options` are those of Arrow's writer."""
        self.put_part(parquet_bytes(table, **options), number=number, kind=kind, rows=table.num_rows)

    def write_rows(self, rows: Iterable[Row], announced: Iterable[Row] | None = None) -> None:
        """Write these data rows, in this order, and control rows that agree with `announced`, or with them."""
        written = list(rows)
        self.remove(*(key for key in self._objects() if "/data/" in key))
        self.writer.write_data(written)
        control = written if announced is None else list(announced)
        self.writer.write_control(self.writer.control_rows(control, self.generations))

    def change_control(self, **changes: Any) -> None:
        """Announce something else of the first partition."""
        first, *others = self.writer.control_rows(self.rows, self.generations)
        self.writer.write_control([{**first, **changes}, *others])

    def _objects(self) -> list[str]:
        prefix = f"{TABLE.name}/{self.writer.run_id}/"
        listed = self.writer.client.list_objects_v2(Bucket=self.writer.bucket, Prefix=prefix)
        return [item["Key"] for item in listed.get("Contents", [])]
