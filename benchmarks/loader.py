"""The loader as a process of its own: `python -m benchmarks.loader <key of a control manifest>`.

It calls what the upsert function's handler calls, and prints one line of JSON: the seconds the load took,
what became of it, and the most memory the process and its children ever held.
"""

import json
import resource
import sys
import time
from pathlib import Path

import boto3

from serving.config import Config
from serving.handlers import upsert_report as handler  # all of the function's imports, as in an account
from serving.unload_files import UnloadBucket


def main(manifest_key: str) -> None:
    """Load one unload and print the line."""
    config = Config.from_environment()
    bucket = UnloadBucket.of(boto3.client("s3"), config)
    global CPU; CPU=time.process_time()
    start = time.perf_counter()
    result = handler.upsert_report(config, bucket, manifest_key)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "cpu_seconds": time.process_time() - CPU, "peak_rss_mb": _peak_bytes() / 2**20, **vars(result)}))


def _peak_bytes() -> int:
    # ru_maxrss of the process itself would count what its parent held when it was forked.
    status = Path("/proc/self/status").read_text()
    own = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM:"))
    return (own + resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * 1024


if __name__ == "__main__":
    main(sys.argv[1])
