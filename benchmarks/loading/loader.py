"""The loader as a process of its own: `python -m benchmarks.loading.loader <key of a control manifest>`.

It calls what the upsert function's handler calls, and prints one line of JSON: the seconds the load took,
and the most memory the process and its children ever held.
"""

import json
import resource
import sys
import time
from pathlib import Path

import boto3

import serving.handlers.upsert_report  # noqa: F401 - all that the function imports, as in an account
from serving.config import Config
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report


def main(manifest_key: str) -> None:
    """Load one unload and print the line."""
    config = Config.from_environment()
    bucket = UnloadBucket.of(boto3.client("s3"), config)
    start = time.perf_counter()
    upsert_report(config, bucket, manifest_key)
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_rss_mb": _peak_bytes() / 2**20}))


def _peak_bytes() -> int:
    # ru_maxrss of the process itself would count what its parent held when it was forked.
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


if __name__ == "__main__":
    main(sys.argv[1])
