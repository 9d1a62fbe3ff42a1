"""`make bench-register`: how long events wait for EventBridge, what AppFlow is asked, how long a cold start imports.

Prints progress, and one JSON object last. Lags are in seconds from the commit to EventBridge's having the event.
"""

import json
import shutil
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.registering.appflow_calls import appflow_calls
from benchmarks.registering.import_times import import_times
from benchmarks.registering.myapp import started_myapp
from benchmarks.registering.outbox_lag import at_once_lag, steady_lag
from deploy.local.state import LocalState


def main() -> None:
    """Measure all of it and print the object."""
    _say("importing each handler")
    result: dict[str, Any] = {"import_seconds": import_times()}
    _say("registering in Account 2")
    result["appflow_calls"] = appflow_calls()
    folder = Path(tempfile.mkdtemp(prefix="bench-register-"))
    state = LocalState(folder / "state")
    try:
        with started_myapp(state) as url:
            result |= {"lag_at_50_a_second": steady_lag(_say), "lag_of_1000_at_once": at_once_lag(_say, url)}
    finally:
        state.remove()
        shutil.rmtree(folder)
    print(json.dumps(result), flush=True)


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    main()
