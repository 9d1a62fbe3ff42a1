"""`python -m deploy.local.policies [RECORD]`: runs the line, and compares what was called with the roles' policies.

The line and its remediation are run by their tests, headless. With RECORD, a record of an earlier run, nothing is
run: the record of `make demo` is `.local/aws-calls.jsonl`. Above the last line, one JSON object, stand the problems,
one a line, and the exceptions. The exit code is 0 if there are no problems, 1 if there are, 2 if the line did not run.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from deploy.local.policies.comparison import compare
from deploy.local.policies.record import read_record
from deploy.local.policies.stacks import deployed_stacks, local_stacks
from deploy.local.state import REPOSITORY

# The line as processes, then remediation, whose database users belong to one server: by one process.
_RUNS: Final = (("tests/pipeline", "2"), ("tests/faults/remediation", "0"))
_MINUTES: Final = 20


def main(arguments: list[str]) -> int:
    """Run, compare, print; return the exit code."""
    if arguments:
        return _compared(Path(arguments[0]))
    with tempfile.TemporaryDirectory(prefix="aws-calls-") as folder:
        record = Path(folder) / "aws-calls.jsonl"
        print(f"Running the line with every AWS call recorded: about {_MINUTES} minutes.", flush=True)
        for tests, processes in _RUNS:
            if problem := _run(tests, processes, record):
                print(f"{problem}\n{tests} failed, so nothing was compared.", file=sys.stderr)
                return 2
        return _compared(record)


def _run(tests: str, processes: str, record: Path) -> str | None:
    """Run tests by so many processes; return what they said if they failed."""
    command = [sys.executable, "-m", "pytest", "-q", "-n", processes, "--dist", "loadfile", tests]
    environment = {**os.environ, "AWS_CALLS": str(record)}
    ran = subprocess.run(command, cwd=REPOSITORY, env=environment, capture_output=True, text=True, check=False)
    return f"{ran.stdout}{ran.stderr}" if ran.returncode else None


def _compared(record: Path) -> int:
    outcome = compare(read_record(record), local_stacks(), deployed_stacks())
    for line in (*outcome.problems, *(f"excepted: {one}" for one in outcome.excepted)):
        print(line)
    print(json.dumps(outcome.summary()))
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
