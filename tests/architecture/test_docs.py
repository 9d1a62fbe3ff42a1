import ast
import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import get_commands

from dataflows.contracts.events import EVENTS
from deploy.local.state import REPOSITORY
from tests.architecture.code import PACKAGES, python_files, tree_of
from tests.architecture.wiring.stacks import shipped_templates

DOCS = [
    REPOSITORY / "README.md",
    REPOSITORY / "deploy/README.md",
    *sorted((REPOSITORY / "docs").rglob("*.md")),
]
RUNBOOK = REPOSITORY / "docs/runbook.md"
SETTINGS_PAGE = REPOSITORY / "docs/settings.md"


def _settings_of_myapp() -> list[str]:
    text = (PACKAGES["myapp"] / "settings.py").read_text()
    return sorted(set(re.findall(r'"(MYAPP_[A-Z_]+)"', text)))


def _settings_of_functions() -> list[str]:
    return sorted({name for function in _functions() for name in function["Environment"]["Variables"]})


def _functions() -> Iterator[dict[str, Any]]:
    for template in shipped_templates().values():
        for resource in template.resources.values():
            if resource["Type"] == "AWS::Lambda::Function":
                yield resource["Properties"]


def _own_commands() -> list[str]:
    return sorted(name for name, app in get_commands().items() if app in PACKAGES)


def _make_targets() -> list[str]:
    makefiles = {"make ": REPOSITORY / "Makefile", "make -C deploy ": REPOSITORY / "deploy/Makefile"}
    return [
        f"{command}{target}"
        for command, path in makefiles.items()
        if path.is_file()
        for target in re.findall(r"^([a-z][a-z0-9-]*):.*## ", path.read_text(), re.MULTILINE)
    ]


def _quarantine_reasons() -> set[str]:
    """Return every reason that the loader gives for an unload it does not load."""
    calls = [node for path in python_files(PACKAGES["serving"]) for node in ast.walk(tree_of(path))]
    found = [node for node in calls if isinstance(node, ast.Call) and ast.unparse(node.func) == "QuarantineError"]
    return {ast.literal_eval(word.value) for call in found for word in call.keywords if word.arg == "reason"}


def _is_named(name: str) -> bool:
    word = re.compile(rf"(?<![\w-]){re.escape(name)}(?![\w-])")
    return any(word.search(path.read_text()) for path in DOCS if path.is_file())


@pytest.mark.parametrize("name", [*_settings_of_myapp(), *_settings_of_functions()])
def test_a_setting_has_its_row_in_the_settings_page(name: str) -> None:
    row = re.compile(rf"^\| `{name}` \|( [^|]+ \|){{3}}$", re.MULTILINE)

    assert row.search(SETTINGS_PAGE.read_text()), (
        f"docs/settings.md has no row: | `{name}` | meaning | default | example |"
    )


def test_the_settings_page_names_no_setting_that_is_gone() -> None:
    rows = re.findall(r"^\| `([A-Z_]+)` \|", SETTINGS_PAGE.read_text(), re.MULTILINE)

    assert set(rows) - {*_settings_of_myapp(), *_settings_of_functions()} == set()


@pytest.mark.parametrize("name", [*_own_commands(), *EVENTS, *_make_targets()])
def test_the_docs_name(name: str) -> None:
    assert _is_named(name), f"Neither README.md, docs/ nor deploy/README.md says what {name} is."


def test_the_runbook_says_what_each_reason_of_a_quarantine_means_and_names_none_that_is_gone() -> None:
    section = RUNBOOK.read_text().partition("\n## Quarantine\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ((?:`[a-z_]+`(?:, )?)+) \|( [^|]+) \|$", section, re.MULTILINE)

    named = [reason for reasons, _ in rows for reason in re.findall(r"`([a-z_]+)`", reasons) if reason != "reason"]

    assert len(_quarantine_reasons()) > 20
    assert sorted(named) == sorted(_quarantine_reasons())
