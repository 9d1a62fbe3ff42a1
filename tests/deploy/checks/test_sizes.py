import os
from pathlib import Path

from deploy.checks.runtime_image import LARGEST_BYTES
from deploy.checks.sizes import size_problems, unzipped_bytes
from tests.deploy.checks.planting import function_in


def test_a_function_within_the_limit_is_no_problem(tmp_path: Path) -> None:
    assert size_problems(function_in(tmp_path)) == []


def test_a_function_that_is_too_large_with_its_layers_is_found(tmp_path: Path) -> None:
    function = function_in(tmp_path, layers=("PlantedLayer",))
    rest = LARGEST_BYTES - unzipped_bytes(function)
    for folder, size in ((function.folder, rest - 1000), (function.layers[0].folder, 1001)):
        (folder / "large").touch()
        os.truncate(folder / "large", size)

    assert [problem.split(":")[0] for problem in size_problems(function)] == ["PlantedFunction"]
