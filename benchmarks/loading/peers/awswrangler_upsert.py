"""AWS SDK for pandas' upsert: `python awswrangler_upsert.py <table> <old.parquet> <new.parquet>`.

Runs in the peers' environment. Writes the old state into the empty report table, then the new one over it,
and prints the seconds of each as JSON. Rows that vanished stay: it does not delete them.
"""

import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import awswrangler as wr
import pandas as pd
import pymysql

_ROWS_A_STATEMENT = 5_000  # its default, 200, is slower


def main(table_name: str, *paths: str) -> None:
    """Write each file in turn and print the line."""
    options: dict[str, Any] = json.loads(os.environ["BENCHMARK_DATABASE"])
    with pymysql.connect(charset="utf8mb4", **options) as connection:
        seconds = [_upsert(connection, options["database"], table_name, Path(path)) for path in paths]
    print(json.dumps({"seconds": seconds}))


def _upsert(connection: Any, database: str, table_name: str, path: Path) -> float:
    start = time.perf_counter()
    rows = pd.read_parquet(path, dtype_backend="pyarrow")
    rows["dimension_hash"] = rows["dimension_hash"].map(bytes.fromhex)
    wr.mysql.to_sql(
        rows,
        connection,
        table=table_name,
        schema=database,
        mode="upsert_duplicate_key",
        use_column_names=True,
        chunksize=_ROWS_A_STATEMENT,
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
