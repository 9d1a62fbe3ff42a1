"""What an operator is told to press stands on a page, under that name."""

import ast
import re
from collections.abc import Iterator
from typing import Final

from deploy.local.state import REPOSITORY
from tests.architecture.code import PACKAGES, python_files, tree_of

TOLD: Final = re.compile(r"\b[Pp]ress ((?:[A-Z][\w-]+(?: again)?)(?:,? (?:and|or) [A-Z][\w-]+)*)")
BUTTON: Final = re.compile(r"<(?:button|a)\b[^>]*>\s*([A-Z][^<]*?)\s*</(?:button|a)>")


def test_everything_that_one_is_told_to_press_is_on_a_page() -> None:
    told = {name for text in texts() for names in TOLD.findall(text) for name in re.split(",? (?:and|or) ", names)}
    pages = (REPOSITORY / "templates").rglob("*.html")
    buttons = {name for page in pages for name in BUTTON.findall(page.read_text())}
    assert {"Edit", "Save", "Resume", "Send again"} <= told
    assert told - buttons == set()


def texts() -> Iterator[str]:
    """Yield every text in the packages that ship."""
    for path in (path for folder in PACKAGES.values() for path in python_files(folder)):
        for node in ast.walk(tree_of(path)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value
