"""What `make -C deploy` checks, and what it says when it can't go on."""

import os
import re
import subprocess
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

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


def _templates() -> Iterator[str]:
    """Yield each CloudFormation template below deploy/, by its path in the repository."""
    for path in (REPOSITORY / "deploy").rglob("*.yaml"):
        if ".aws-sam" not in path.parts and "Resources:" in path.read_text().splitlines():
            yield str(path.relative_to(REPOSITORY))


@pytest.fixture(scope="module")
def steps() -> str:
    """Return what `validate` would run."""
    run = _make("--dry-run", "--always-make", "validate")
    assert run.returncode == 0, run.stderr
    return run.stdout


def test_every_template_is_linted_and_looked_through_for_open_doors(steps: str) -> None:
    templates = set(_templates())
    assert len(templates) > 10
    for tool in ("cfn-lint", "checkov"):
        (announced,) = re.findall(rf'echo "{tool} ([^"]+)"', steps)
        assert set(announced.split()) == templates


def test_every_template_of_sam_is_validated_by_sam(steps: str) -> None:
    of_sam = {name for name in _templates() if "AWS::Serverless-2016-10-31" in (REPOSITORY / name).read_text()}
    (loop,) = re.findall(r"for template in (.+?); do[^;]*sam validate --lint", steps)

    assert {str(Path(name).relative_to(REPOSITORY)) for name in loop.split()} == of_sam


@pytest.mark.parametrize(
    "pattern", ["deploy/pipeline/*.buildspec.yaml", ".github/workflows/*.yml"], ids=["buildspecs", "workflows"]
)
def test_every_file_of_the_pipelines_is_checked(steps: str, pattern: str) -> None:
    checked = [line for line in steps.splitlines() if "/check-jsonschema" in line]
    found = list(REPOSITORY.glob(pattern))

    assert found
    assert all(any(str(path) in line for line in checked) for path in found)


@pytest.mark.parametrize("name", ["test_units.py", "test_scripts.py"])
def test_the_checks_of_the_hosts_files_are_those_of_the_tests(steps: str, name: str) -> None:
    assert f"tests/deploy/host/{name}" in steps


def test_whatever_checkov_is_not_to_ask_has_its_reason() -> None:
    """Of all templates in one list, a comment above each; of one resource in its Metadata."""
    lines = (REPOSITORY / "deploy/.checkov.yaml").read_text().partition("skip-check:\n")[2].splitlines()
    for before, line in pairwise(["", *lines]):
        if line.startswith("  - "):
            assert before.startswith("  # "), line
    for name in _templates():
        for one in re.findall(r"\{id: CKV\w+.*", (REPOSITORY / name).read_text()):
            assert re.fullmatch(r'\{id: \w+, comment: "[^"]{30,}"\}', one), (name, one)


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
