"""What `make fault-schedules` prints of a seed that fails, and that the seed fails again."""

import json
import os
import subprocess
import sys

from deploy.local.state import REPOSITORY
from tests.faults.loading.judge import KINDS
from tests.faults.loading.tally import FAULTS

FAILS = 2  # in a schedule that does not depend on the clock


def test_a_failing_seed_is_printed_and_fails_again() -> None:
    command = [sys.executable, "-m", "tests.faults.loading", "--schedules", "1", "--seed", str(FAILS), "--times", "3"]
    path = os.pathsep.join(path for path in sys.path if path)
    done = subprocess.run(
        [*command, "--plant", "no generation guard"],
        cwd=REPOSITORY,
        env={"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    *lines, last = done.stdout.splitlines() or [done.stderr]

    assert lines.count(f"SEED={FAILS} failed; `make fault-schedules N=1 SEED={FAILS}` repeats it:") == 3
    assert done.returncode == 1
    told = json.loads(last)
    assert list(told) == ["schedules", "deliveries", *KINDS, "faults_fired", "seconds"]
    assert list(told["faults_fired"]) == list(FAULTS)
    assert told["schedules"] == 3
    assert sum(told[kind] for kind in KINDS) >= 3
