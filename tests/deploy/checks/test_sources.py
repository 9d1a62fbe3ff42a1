import shutil
from pathlib import Path

import pytest

from deploy.checks.artefacts import REPOSITORY, Layer
from deploy.checks.sources import layer_problems, package_problems
from deploy.local.templates.layers import built_layer
from deploy.local.templates.sam import CodeSource
from tests.deploy.checks.planting import function_in

LAYERS = {"ContractsLayer": "contracts", "MessageBatchesLayer": "message_batches"}


@pytest.fixture(params=LAYERS)
def layer(request: pytest.FixtureRequest, tmp_path: Path) -> Layer:
    name = str(request.param)
    source = CodeSource(name, REPOSITORY / "deploy/layers" / LAYERS[name], "makefile")
    return Layer(name, built_layer(source, tmp_path))


def _a_file(layer: Layer) -> Path:
    return next(path for path in sorted(layer.folder.rglob("*.py")) if path.stat().st_size)


def test_a_layer_as_its_makefile_builds_it_is_its_source(layer: Layer) -> None:
    assert layer_problems(layer) == []


def test_a_stale_file_of_a_layer_is_found(layer: Layer) -> None:
    _a_file(layer).write_text("old = True\n")

    assert ["is not what" in problem for problem in layer_problems(layer)] == [True]


def test_a_missing_file_of_a_layer_is_found(layer: Layer) -> None:
    _a_file(layer).unlink()

    assert ["is missing" in problem for problem in layer_problems(layer)] == [True]


def test_a_file_that_the_source_no_longer_has_is_found(layer: Layer) -> None:
    (_a_file(layer).parent / "gone.py").write_text("")

    assert ["not in the source any more" in problem for problem in layer_problems(layer)] == [True]


def test_a_layer_that_nobody_declared_is_found(tmp_path: Path) -> None:
    assert len(layer_problems(Layer("NewLayer", tmp_path))) == 1


def test_a_functions_package_is_compared_with_its_source(tmp_path: Path) -> None:
    function = function_in(tmp_path / "build")
    shutil.copytree(function.folder, tmp_path / "src")
    assert package_problems(function, tmp_path / "src") == []

    (tmp_path / "src/planted/handler.py").write_text("new = True\n")
    assert ["is not what" in problem for problem in package_problems(function, tmp_path / "src")] == [True]
