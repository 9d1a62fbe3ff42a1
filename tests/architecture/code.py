"""The source of the packages that ship, read without importing it."""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from deploy.local.state import REPOSITORY

LAMBDA_PACKAGES: Final = {
    "serving": REPOSITORY / "deploy/account1_app/src/serving",
    "warehouse": REPOSITORY / "deploy/account2_warehouse/src/warehouse",
}
PACKAGES: Final = {
    "message_batches": REPOSITORY / "deploy/layers/message_batches/python/message_batches",
    **{name: REPOSITORY / name for name in ("myapp", "dataflows", "reports")},
    **LAMBDA_PACKAGES,
}


def python_files(folder: Path) -> list[Path]:
    """Return the Python files at and below a folder."""
    return sorted(folder.rglob("*.py"))


def shipped_files() -> Iterator[Path]:
    """Return every file that ships as code, configuration or page: Python, SQL, templates of pages and of stacks."""
    folders = (*PACKAGES.values(), REPOSITORY / "templates", REPOSITORY / "deploy/layers")
    for folder in folders:
        yield from (
            path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix not in (".pyc", ".svg")
        )
    for stack in ("account1_app", "account2_warehouse"):
        yield from sorted(REPOSITORY.glob(f"deploy/{stack}/*.*"))
    yield REPOSITORY / "manage.py"


def tree_of(path: Path) -> ast.Module:
    """Return a file's syntax tree."""
    return ast.parse(path.read_text(), str(path))


def place(path: Path, node: ast.expr | ast.stmt | None = None) -> str:
    """Return where something stands, as a compiler would say it."""
    line = f":{node.lineno}" if node is not None else ""
    return f"{path.relative_to(REPOSITORY)}{line}"
