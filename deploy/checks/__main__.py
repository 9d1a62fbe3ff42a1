"""Checks builds, and prints a line a function: `python -m deploy.checks [--python313 PATH] build [build…]`.

A build is a folder that `sam build` filled, named like the account's folder in `deploy/`.
"""

import argparse
import sys
from pathlib import Path

from deploy.checks.artefacts import REPOSITORY, BuildMissingError, Function, built_functions
from deploy.checks.imports import import_seconds
from deploy.checks.runtime_python import RuntimeMissingError, runtime_python
from deploy.checks.shared_objects import ReadelfMissingError, shared_object_problems
from deploy.checks.sizes import size_problems, unzipped_bytes
from deploy.checks.sources import layer_problems, package_problems


def build_problems(build: Path, python: str) -> list[str]:
    """Return all that is wrong with the build in a folder; print how large and how fast each function is."""
    functions = built_functions(build)
    layers = {layer.logical_id: layer for function in functions for layer in function.layers}
    problems = [problem for layer in layers.values() for problem in layer_problems(layer)]
    for function in functions:
        problems += _function_problems(function, REPOSITORY / "deploy" / build.name / "src", python)
    return problems


def _function_problems(function: Function, source: Path, python: str) -> list[str]:
    seconds, problems = import_seconds(function, python)
    megabytes = unzipped_bytes(function) / 1e6
    print(f"{function.logical_id}: {megabytes:.0f} MB with its layers, imported in {seconds:.2f} s")  # noqa: T201
    problems += size_problems(function) + shared_object_problems(function) + package_problems(function, source)
    return problems


def _main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.checks", description="Checks what sam build made.")
    parser.add_argument("builds", nargs="+", type=Path, help="folders such as .aws-sam/account1_app")
    parser.add_argument("--python313", default="", help="the runtime's Python; found if not named")
    options = parser.parse_args()
    try:
        python = runtime_python(options.python313)
        problems = [problem for build in options.builds for problem in build_problems(build, python)]
    except (BuildMissingError, ReadelfMissingError, RuntimeMissingError) as error:
        problems = [str(error)]
    for problem in problems:
        print(problem, file=sys.stderr)  # noqa: T201
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(_main())
