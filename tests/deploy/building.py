"""The build of both accounts, for the tests that need it: one test at a time has it, for there is one folder."""

import fcntl
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from deploy.checks.artefacts import REPOSITORY
from deploy.stacks.packages import BUILDS, SAM


@contextmanager
def the_build() -> Iterator[None]:
    """Keep other tests from building until the context ends; what was never built is built first."""
    BUILDS.mkdir(exist_ok=True)
    with (BUILDS / "tests.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (SAM.is_file() and (BUILDS / "account2_warehouse/template.yaml").is_file()):
            run = build()
            assert run.returncode == 0, run.stdout + run.stderr
        yield


def build() -> "subprocess.CompletedProcess[str]":
    """Run `make -C deploy build`, which installs its tools first; return how it ended and what it said."""
    command = ["make", "-C", str(REPOSITORY / "deploy"), "build"]
    return subprocess.run(command, env=dict(os.environ), capture_output=True, text=True, check=False)
