"""The upsert function in a process of its own: takes an event a line, and tells what it needed for each."""

import json
import re
import sys
import time
from pathlib import Path

from serving.handlers.upsert_report import handle


def main() -> None:
    """Write, for each line, the handler's answer, its seconds, and the most memory the process has ever held."""
    for line in sys.stdin:
        begun = time.monotonic()
        answer = handle(json.loads(line), None)  # type: ignore[arg-type]
        told = {"answer": answer, "seconds": time.monotonic() - begun, "peak_mb": _peak_mb()}
        print(json.dumps(told), flush=True)  # noqa: T201 - what the test reads


def _peak_mb() -> float:
    # Not getrusage's: that counts what our parent held when it forked.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(peak[1]) / 1024 if peak else 0


if __name__ == "__main__":
    main()
