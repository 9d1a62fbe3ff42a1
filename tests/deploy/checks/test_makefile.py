"""What `make -C deploy` says when it can't go on."""

import os
import subprocess

import pytest

from deploy.checks.artefacts import REPOSITORY


def _make(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(REPOSITORY / "deploy"), *words]
    environment = {**os.environ, **variables}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_build_without_the_runtimes_python_stops_and_says_what_to_do() -> None:
    run = _make("build", "PYTHON313=python3.11")

    assert run.returncode != 0
    assert "Install it, or name it: make -C deploy build PYTHON313=/path/to/python3.13" in run.stderr
    assert "sam build" not in run.stdout


@pytest.mark.slow
def test_an_audit_without_a_network_says_so_in_a_sentence() -> None:
    assert _make("tools").returncode == 0

    run = _make("audit", https_proxy="http://127.0.0.1:9")  # nobody listens there

    assert run.returncode != 0
    assert "pip-audit" not in run.stdout
    said = [line for line in run.stderr.splitlines() if line.startswith("audit: ")]
    assert len(said) == 1
    assert "pypi.org could not be asked" in said[0]
    assert "Connection refused" in said[0]


@pytest.mark.parametrize(
    "target",
    [
        "package",
        "deploy-account1",
        "deploy-hosts",
        "deploy-rotation",
        "deploy-account2",
        "bootstrap-database",
        "bootstrap-warehouse",
        "connector-profiles",
        "destroy",
        "outputs",
        "smoke",
    ],
)
def test_an_environment_must_be_named(target: str) -> None:
    run = _make(target, "ENV=")

    assert run.returncode != 0
    assert "Say which environment: ENV=staging or ENV=production" in run.stderr
