"""The control rows of an unload: what each partition must come to."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Final
from uuid import UUID

from dataflows.contracts.naming import CUSTOM_NAME_PATTERN, PROPERTY_ID_PATTERN
from dataflows.contracts.reports import MAX_PARTITIONS_PER_UNLOAD, ReportTable
from dataflows.contracts.values import EARLIEST_START_DATE
from serving.errors import QuarantineError
from serving.part_files import PartFiles
from serving.schemas import control_schema
from serving.unload_files import Unload

_PROPERTY_ID: Final = re.compile(PROPERTY_ID_PATTERN[1:-1])
_CUSTOM_REPORT_ID: Final = re.compile(f"custom_{CUSTOM_NAME_PATTERN[1:-1]}")
_ID: Final = re.compile("[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")  # as the warehouse writes it; UUID() takes more


@dataclass(frozen=True, order=True, slots=True)
class PartitionKey:
    """One report of one property on one date."""

    property_id: str
    report_id: str
    date: date

    def __str__(self) -> str:
        return f"{self.report_id} of {self.property_id} on {self.date}"


@dataclass(frozen=True, slots=True)
class Trace:
    """By what rows are followed back: their data flow, and the request that they come from."""

    data_flow_id: UUID
    correlation_id: UUID

    @property
    def log_keys(self) -> dict[str, str]:
        """What a log line about the rows carries."""
        return {"data_flow_id": str(self.data_flow_id), "correlation_id": str(self.correlation_id)}


@dataclass(frozen=True, slots=True)
class ControlRow:
    """A partition's generation, number of rows, and the sum of each metric in the table's order."""

    key: PartitionKey
    trace: Trace
    generation: int
    row_count: int
    sums: tuple[Decimal, ...]


def read_control_rows(files: PartFiles, unload: Unload) -> dict[PartitionKey, ControlRow]:
    """Return the control rows of an unload by partition, in key order.

    Raises QuarantineError when there are none, one is given twice, or one can't be true.
    """
    rows = [_checked(unload.table, row) for row in _rows(files, unload)]
    if not rows:
        raise QuarantineError(f"Unload {unload.run_id} announces no partition.", reason="control_empty")
    by_key = {row.key: row for row in sorted(rows, key=lambda row: row.key)}
    if len(by_key) != len(rows):
        raise QuarantineError(f"Unload {unload.run_id} announces a partition twice.", reason="control_repeated")
    return by_key


def check_sizes(control: Iterable[ControlRow], max_partition_rows: int) -> None:
    """Raise QuarantineError, naming each, when partitions have more rows than may be loaded."""
    large = [(row.key, row.row_count) for row in control if row.row_count > max_partition_rows]
    if large:
        listed = ", ".join(f"{key} with {rows:,} rows" for key, rows in large)
        raise QuarantineError(
            f"Not loaded: {listed}; at most {max_partition_rows:,} are. Use fewer dimensions, or a filter.",
            reason="partition_too_large",
        )


def _rows(files: PartFiles, unload: Unload) -> list[ControlRow]:
    schema = control_schema(unload.table)
    rows: list[ControlRow] = []
    parts = files.bucket.parts(unload.control_manifest_key)
    if parts is None:
        raise QuarantineError(f"{unload.control_manifest_key} is missing.", reason="manifest_missing")
    for part in parts:
        with files.open_part(part, schema) as file:
            for batch in file.batches():
                if len(rows) + batch.num_rows > MAX_PARTITIONS_PER_UNLOAD:
                    raise QuarantineError(
                        f"Unload {unload.run_id} announces more than {MAX_PARTITIONS_PER_UNLOAD:,} partitions.",
                        reason="control_too_large",
                    )
                rows.extend(_control_row(unload.table, values) for values in batch.to_pylist())
    return rows


def _control_row(table: ReportTable, values: dict[str, object]) -> ControlRow:
    missing = [name for name, value in values.items() if value is None]
    if missing:
        raise QuarantineError(f"A control row has no {', '.join(missing)}.", reason="control_incomplete")
    key = PartitionKey(values["property_id"], values.get("report_id", table.name), values["date"])  # type: ignore[arg-type]
    trace = _trace(values["data_flow_id"], values["correlation_id"])
    sums = tuple(values[f"sum_{column.name}"] for column in table.metrics)
    return ControlRow(key, trace, values["generation"], values["row_count"], sums)  # type: ignore[arg-type]


@lru_cache(maxsize=1_000)  # many partitions follow from one request: they share it
def _trace(data_flow_id: object, correlation_id: object) -> Trace:
    return Trace(_id(data_flow_id), _id(correlation_id))


def _id(value: object) -> UUID:
    text = str(value)
    if not _ID.fullmatch(text):
        raise QuarantineError(f"A control row has {text[:100]!r} where an id belongs.", reason="control_bad_id")
    return UUID(text)


def _checked(table: ReportTable, row: ControlRow) -> ControlRow:
    """Return the row; a table's rows may speak of its own report only, the custom table's of custom ones."""
    is_own = _CUSTOM_REPORT_ID.fullmatch(row.key.report_id) if table.is_custom else row.key.report_id == table.name
    is_known = is_own and _PROPERTY_ID.fullmatch(row.key.property_id)
    if row.generation < 1 or row.row_count < 0 or not is_known:
        raise QuarantineError(f"A control row can't be true: {row}.", reason="control_invalid")
    latest = datetime.now(UTC).date() + timedelta(1)  # a day begins up to 14 hours before it does in UTC
    if not EARLIEST_START_DATE <= row.key.date <= latest:
        raise QuarantineError(f"A control row announces {row.key.date}, which can't be.", reason="date_out_of_range")
    return row
