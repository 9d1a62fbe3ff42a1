"""What `make fault-schedules` prints of a seed that fails, and that the seed fails again."""

import json
import subprocess
import sys
from typing import Any

from deploy.local.state import REPOSITORY
from tests.faults.loading.judge import KINDS
from tests.faults.loading.tally import FAULTS


def run(*arguments: str) -> tuple[int, list[str], dict[str, Any]]:
    """Return the exit code, the lines before the last, and the JSON object of the last."""
    command = [sys.executable, "-m", "tests.faults.loading", "--schedules", "1", *arguments]
    path = ":".join(path for path in sys.path if path)
    done = subprocess.run(
        command, cwd=REPOSITORY, env={"PYTHONPATH": path}, capture_output=True, text=True, timeout=300, check=False
    )
    lines = done.stdout.splitlines()
    assert lines, done.stderr
    return done.returncode, lines[:-1], json.loads(lines[-1])


def test_a_failing_seed_is_printed_and_fails_again() -> None:
    arguments = ("--seed", "1", "--plant", "no generation guard", "--times", "12")
    code, lines, told = run(*arguments)
    assert code == 1
    assert any(line.startswith("SEED=1 failed; `make fault-schedules N=1 SEED=1") for line in lines)
    assert list(told) == ["schedules", "deliveries", *KINDS, "faults_fired", "seconds"]
    assert list(told["faults_fired"]) == list(FAULTS)
    assert sum(told[kind] for kind in KINDS)

    assert run(*arguments)[0] == 1
