"""Each lock is the one made from the requirements file beside it."""

import hashlib
import re
from pathlib import Path

import pytest

from deploy.checks.artefacts import REPOSITORY
from deploy.checks.licences import locked, normal_name

APPLICATION = REPOSITORY / "requirements.txt"
FUNCTIONS = sorted(REPOSITORY.glob("deploy/account*/src/requirements.txt"))
TOOLS = sorted((REPOSITORY / "deploy").glob("requirements-*.txt"))
LOCAL = REPOSITORY / "deploy/local/requirements.txt"
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)\s+#\s*\S", re.MULTILINE)
_INCLUDED = re.compile(r"^-r (\S+)$", re.MULTILINE)

requirements = pytest.mark.parametrize(
    "text", [APPLICATION, *FUNCTIONS, *TOOLS, LOCAL], ids=lambda one: str(one.relative_to(REPOSITORY))
)


def _pins(text: Path) -> dict[str, str]:
    return {normal_name(name): version for name, version in _PIN.findall(text.read_text())}


def _included(text: Path) -> list[Path]:
    return [text.parent / name for name in _INCLUDED.findall(text.read_text())]


def _lock(text: Path) -> Path:
    return text.with_suffix(".lock")


@requirements
def test_a_lock_is_made_from_the_requirements_as_they_are(text: Path) -> None:
    digest = hashlib.sha256(b"".join(one.read_bytes() for one in (text, *_included(text)))).hexdigest()

    assert digest in _lock(text).read_text().splitlines()[0], "Run make -C deploy locks."


@requirements
def test_a_lock_holds_every_pin(text: Path) -> None:
    for one in (text, *_included(text)):
        assert _pins(one).items() <= locked(_lock(text)).items()


@requirements
def test_every_requirement_is_pinned_and_says_why(text: Path) -> None:
    lines = [line for line in text.read_text().splitlines() if line and not line.startswith(("#", "-r "))]

    assert len(_pins(text)) == len(lines)


@requirements
def test_everything_locked_has_its_hashes(text: Path) -> None:
    entries = re.split(r"\n(?=\S)", _lock(text).read_text().partition("\n")[2])

    assert entries
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_the_local_stack_runs_on_what_ships() -> None:
    assert locked(_lock(APPLICATION)).items() <= locked(_lock(LOCAL)).items()


def test_both_accounts_and_the_application_share_their_versions() -> None:
    versions: dict[str, set[str]] = {}
    for one in (APPLICATION, *FUNCTIONS, LOCAL):
        for name, version in _pins(one).items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
