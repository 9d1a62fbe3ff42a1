"""The upsert function in a process of its own: takes the event on its standard input, tells what it needed for it."""

import json
import re
import sys
import time
from pathlib import Path

from serving.handlers.upsert_report import handle


def main() -> None:
    """Write the handler's answer, its seconds and the most memory the process ever held."""
    begun = time.monotonic()
    answer = handle(json.load(sys.stdin), None)  # type: ignore[arg-type]
    # Not getrusage's: that counts what our parent held when it forked.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    told = {"answer": answer, "seconds": time.monotonic() - begun, "peak_mb": int(peak[1]) / 1024 if peak else 0}
    print(json.dumps(told))  # noqa: T201 - what the test reads


if __name__ == "__main__":
    main()
