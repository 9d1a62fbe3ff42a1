"""What the server itself can do: `LOAD DATA LOCAL INFILE ... REPLACE` of the same rows into the same table."""

import time
from pathlib import Path

from benchmarks.loading.machine import Machine
from dataflows.contracts.reports import ReportTable


def seconds_to_load(machine: Machine, table: ReportTable, csv_path: Path) -> float:
    """Load a state's CSV file in one statement and one transaction; return how long that took."""
    with machine.connect() as session, session.cursor() as cursor:
        start = time.perf_counter()
        cursor.execute(_statement(table), (str(csv_path),))
        session.commit()
        return time.perf_counter() - start


def _statement(table: ReportTable) -> str:
    names = [*table.partition_columns, "dimension_hash", *(column.name for column in table.value_columns)]
    targets = ", ".join("@hash" if name == "dimension_hash" else f"`{name}`" for name in names)
    return (
        f"LOAD DATA LOCAL INFILE %s REPLACE INTO TABLE `{table.mysql_name}` CHARACTER SET utf8mb4 "
        f"FIELDS TERMINATED BY ',' ESCAPED BY '\\\\' ({targets}) SET dimension_hash = UNHEX(@hash)"
    )
