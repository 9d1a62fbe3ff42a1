"""What `make -C deploy` says when it can't go on."""

import subprocess

import pytest

from deploy.checks.artefacts import REPOSITORY


def _make(*words: str) -> subprocess.CompletedProcess[str]:
    command = ["make", "-C", str(REPOSITORY / "deploy"), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.slow
def test_a_build_without_the_runtimes_python_stops_and_says_what_to_do() -> None:
    run = _make("build", "PYTHON313=python3.11")

    assert run.returncode != 0
    assert "Install it, or name it: make -C deploy build PYTHON313=/path/to/python3.13" in run.stderr
    assert "sam build" not in run.stdout


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
