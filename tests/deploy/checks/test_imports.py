"""With the runtime's Python. Where it is not installed, the build says so, and these are left out."""

import compileall
import subprocess
from pathlib import Path

import pytest

from deploy.checks.artefacts import Function
from deploy.checks.imports import import_seconds
from deploy.checks.runtime_python import RuntimeMissingError, runtime_python
from tests.deploy.checks.planting import function_in


@pytest.fixture(scope="module")
def python() -> str:
    try:
        return runtime_python()
    except RuntimeMissingError as error:
        pytest.skip(str(error))


def _compiled(function: Function, python: str) -> Function:
    command = [python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", str(function.folder)]
    subprocess.run(command, check=True)
    return function


def test_a_handler_is_imported_from_its_artefact_alone(tmp_path: Path, python: str) -> None:
    seconds, problems = import_seconds(_compiled(function_in(tmp_path), python), python)

    assert problems == []
    assert 0 < seconds < 1


def test_a_handler_may_use_its_layers(tmp_path: Path, python: str) -> None:
    function = function_in(tmp_path, layers=("PlantedLayer",))
    (function.folder / "planted/handler.py").write_text("from shared import handle\n")
    place = function.layers[0].folder / "python"
    place.mkdir()
    (place / "shared.py").write_text("def handle(event, context): ...\n")
    for folder in function.folders:
        subprocess.run([python, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", folder], check=True)

    assert import_seconds(function, python)[1] == []


def test_a_library_that_is_not_shipped_is_found(tmp_path: Path, python: str) -> None:
    function = function_in(tmp_path)
    (function.folder / "planted/handler.py").write_text("import boto3\n\n\ndef handle(event, context): ...\n")

    problems = import_seconds(_compiled(function, python), python)[1]

    assert problems == [
        "PlantedFunction: planted.handler can't be imported: ModuleNotFoundError: No module named 'boto3'"
    ]


def test_a_handler_that_is_not_there_is_found(tmp_path: Path, python: str) -> None:
    function = _compiled(function_in(tmp_path, handler="planted.handler.gone"), python)

    assert import_seconds(function, python)[1] == ["PlantedFunction: planted.handler has no function gone."]


def test_source_without_bytecode_is_found(tmp_path: Path, python: str) -> None:
    problems = import_seconds(function_in(tmp_path), python)[1]

    assert problems == [
        "PlantedFunction: planted/__init__.py has no bytecode.",
        "PlantedFunction: planted/handler.py has no bytecode.",
    ]


def test_bytecode_of_another_source_is_found(tmp_path: Path, python: str) -> None:
    function = _compiled(function_in(tmp_path), python)
    with (function.folder / "planted/handler.py").open("a") as file:
        file.write("# changed\n")

    assert import_seconds(function, python)[1] == [
        "PlantedFunction: planted/handler.py: its bytecode is that of another source."
    ]


def test_bytecode_that_would_be_compared_with_its_source_is_found(tmp_path: Path, python: str) -> None:
    function = function_in(tmp_path)
    subprocess.run([python, "-m", "compileall", "-q", str(function.folder)], check=True)

    assert len(import_seconds(function, python)[1]) == 2


def test_bytecode_of_another_python_is_no_bytecode(tmp_path: Path, python: str) -> None:
    function = function_in(tmp_path)
    compileall.compile_dir(function.folder, quiet=1)  # this process's Python is the application's

    assert len(import_seconds(function, python)[1]) == 2


def test_a_slow_import_is_found(tmp_path: Path, python: str) -> None:
    function = function_in(tmp_path)
    busy = "import time\nend = time.process_time() + 1.05\nwhile time.process_time() < end:\n    pass\n"
    (function.folder / "planted/__init__.py").write_text(busy)

    assert ["are allowed" in problem for problem in import_seconds(_compiled(function, python), python)[1]] == [True]


def test_a_python_of_another_version_is_refused() -> None:
    with pytest.raises(RuntimeMissingError, match="PYTHON313="):
        runtime_python("python3.11")
