import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.architecture.code import LAMBDA_PACKAGES, PACKAGES, place, python_files, tree_of

READERS = {PACKAGES["myapp"] / "env.py", *(folder / "config.py" for folder in LAMBDA_PACKAGES.values())}
FILES = [path for folder in PACKAGES.values() for path in python_files(folder)]
_NOT_AT_IMPORT = {"from_environment", "client", "resource", "Session"}  # settings, and what is made with them
LAMBDA_FILES = [
    path for folder in (*LAMBDA_PACKAGES.values(), PACKAGES["message_batches"]) for path in python_files(folder)
]


_READERS_OF_OS = {"environ", "environb", "getenv"}


def _environment_reads(tree: ast.AST) -> Iterator[ast.expr | ast.stmt]:
    """Give each mention of the environment; `setdefault` of DJANGO_SETTINGS_MODULE, as Django writes it, is none."""
    allowed = {id(inner) for node in ast.walk(tree) if _sets_django_up(node) for inner in ast.walk(node)}
    for node in ast.walk(tree):
        is_attribute = isinstance(node, ast.Attribute) and node.attr in _READERS_OF_OS and id(node) not in allowed
        is_import = isinstance(node, ast.ImportFrom) and any(alias.name in _READERS_OF_OS for alias in node.names)
        if isinstance(node, ast.expr | ast.stmt) and (is_attribute or is_import):
            yield node


def _sets_django_up(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node).startswith("os.environ.setdefault('DJANGO_SETTINGS_MODULE'")


@pytest.mark.parametrize("path", [path for path in FILES if path not in READERS], ids=place)
def test_only_the_configuration_reads_the_environment(path: Path) -> None:
    assert [place(path, node) for node in _environment_reads(tree_of(path))] == []


def test_the_configuration_is_where_it_is_said_to_be() -> None:
    assert [place(path) for path in READERS if not list(_environment_reads(tree_of(path)))] == []


@pytest.mark.parametrize("path", LAMBDA_FILES, ids=place)
def test_a_lambda_reads_its_settings_when_called_not_when_imported(path: Path) -> None:
    tree = tree_of(path)
    at_import = list(_at_import(tree))
    reads = [node for node in _environment_reads(tree) if node in at_import]
    calls = [node for node in at_import if isinstance(node, ast.Call) and _called(node) in _NOT_AT_IMPORT]

    assert [place(path, node) for node in (*reads, *calls)] == []


def _at_import(tree: ast.AST) -> Iterator[ast.AST]:
    """Give the nodes that run when a module is imported: all but the bodies of functions."""
    for node in ast.iter_child_nodes(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            yield node
            yield from _at_import(node)


def _called(call: ast.Call) -> str:
    function = call.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
