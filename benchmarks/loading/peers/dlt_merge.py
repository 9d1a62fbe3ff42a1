"""dlt's merge into MySQL: `python dlt_merge.py <table> <old.parquet> <new.parquet>`, in the peers' environment.

Merges the old state into an empty table of dlt's own, then the new one into that, and prints the seconds
of each as JSON. Rows that vanished stay: a merge does not delete them.
"""

import json
import os
import sys
import time
from pathlib import Path

import dlt
import pyarrow.parquet as pq

_KEY_LENGTHS = {"property_id": 18, "report_id": 40, "dimension_hash": 64}


def main(table_name: str, *paths: str) -> None:
    """Merge each file in turn and print the line."""
    pipeline = dlt.pipeline(
        "benchmark",
        pipelines_dir=os.environ["DLT_DATA_DIR"],
        destination=dlt.destinations.sqlalchemy(os.environ["BENCHMARK_DATABASE_URL"], create_primary_keys=True),
        dataset_name="dlt_benchmark",
    )
    print(json.dumps({"seconds": [_merge(pipeline, table_name, Path(path)) for path in paths]}))


def _merge(pipeline: dlt.Pipeline, table_name: str, path: Path) -> float:
    start = time.perf_counter()
    rows = pq.read_table(path)
    key = [name for name in ("property_id", "report_id", "date", "dimension_hash") if name in rows.column_names]
    lengths = {name: {"precision": _KEY_LENGTHS[name]} for name in key if name in _KEY_LENGTHS}
    pipeline.run(
        rows,
        table_name=table_name,
        write_disposition="merge",
        primary_key=key,
        columns=lengths,
        loader_file_format="parquet",
    )
    return time.perf_counter() - start


if __name__ == "__main__":
    main(*sys.argv[1:])
