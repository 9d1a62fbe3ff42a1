"""Each requirements.lock is the one made from the requirements.txt beside it."""

import hashlib
import re
from pathlib import Path

import pytest

from deploy.checks.artefacts import REPOSITORY
from deploy.checks.licences import locked, normal_name

FOLDERS = [REPOSITORY, *sorted(REPOSITORY.glob("deploy/account*/src"))]
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==(\S+)\s+#\s*\S", re.MULTILINE)

folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda one: str(one.relative_to(REPOSITORY)))


def _pins(folder: Path) -> dict[str, str]:
    return {normal_name(name): version for name, version in _PIN.findall((folder / "requirements.txt").read_text())}


@folder
def test_a_lock_is_made_from_the_requirements_as_they_are(folder: Path) -> None:
    digest = hashlib.sha256((folder / "requirements.txt").read_bytes()).hexdigest()

    assert digest in (folder / "requirements.lock").read_text().splitlines()[0], "Run make -C deploy locks."


@folder
def test_a_lock_holds_every_pin(folder: Path) -> None:
    assert _pins(folder).items() <= locked(folder / "requirements.lock").items()


@folder
def test_every_requirement_is_pinned_and_says_why(folder: Path) -> None:
    lines = (folder / "requirements.txt").read_text().splitlines()

    assert len(_pins(folder)) == len([line for line in lines if line and not line.startswith("#")])


@folder
def test_everything_locked_has_its_hashes(folder: Path) -> None:
    entries = re.split(r"\n(?=\S)", (folder / "requirements.lock").read_text().partition("\n")[2])

    assert entries
    assert [entry.split("==")[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_both_accounts_and_the_application_share_their_versions() -> None:
    versions: dict[str, set[str]] = {}
    for one in FOLDERS:
        for name, version in _pins(one).items():
            versions.setdefault(name, set()).add(version)

    assert {name: found for name, found in versions.items() if len(found) > 1} == {}
