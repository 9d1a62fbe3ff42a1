from pathlib import Path

import pytest

from deploy.checks.shared_objects import shared_object_problems
from tests.deploy.checks.planting import function_in, shared_object


def test_what_the_runtime_has_is_no_problem(tmp_path: Path) -> None:
    function = function_in(tmp_path)
    shared_object(function.folder / "fits.so", "libc.so.6", "GLIBC_2.34")

    assert shared_object_problems(function) == []


@pytest.mark.parametrize(
    ("library", "version", "newest"),
    [("libc.so.6", "GLIBC_2.35", "GLIBC_2.34"), ("libstdc++.so.6", "GLIBCXX_3.4.30", "GLIBCXX_3.4.29")],
)
def test_a_symbol_newer_than_the_runtime_is_found(tmp_path: Path, library: str, version: str, newest: str) -> None:
    function = function_in(tmp_path)
    shared_object(function.folder / "new.so", library, version)

    assert shared_object_problems(function) == [
        f"PlantedFunction: new.so needs {version} of {library}; the runtime has {newest}."
    ]


def test_a_library_that_nobody_brings_is_found(tmp_path: Path) -> None:
    function = function_in(tmp_path)
    shared_object(function.folder / "alone.so", "libplanted.so.1", "PLANTED_1")

    assert [problem.split(",")[0] for problem in shared_object_problems(function)] == [
        "PlantedFunction: alone.so needs libplanted.so.1"
    ]


def test_a_library_counts_only_where_it_is_looked_for(tmp_path: Path) -> None:
    function = function_in(tmp_path)
    libraries = function.folder / "wheel.libs"
    libraries.mkdir()
    shared_object(function.folder / "found.so", "libplanted.so.1", "PLANTED_1", "-Wl,-rpath,$ORIGIN/wheel.libs")
    shared_object(function.folder / "lost.so", "libplanted.so.1", "PLANTED_1", "-Wl,-rpath,$ORIGIN/elsewhere")
    (libraries / "libplanted.so.1").write_bytes(b"")

    assert [problem.split(" needs")[0] for problem in shared_object_problems(function)] == ["PlantedFunction: lost.so"]


def test_another_machines_object_is_found(tmp_path: Path) -> None:
    function = function_in(tmp_path)
    path = function.folder / "arm.so"
    shared_object(path, "libc.so.6", "GLIBC_2.34")
    content = bytearray(path.read_bytes())
    content[18:20] = (183).to_bytes(2, "little")  # e_machine: EM_AARCH64
    path.write_bytes(content)

    assert shared_object_problems(function) == [
        "PlantedFunction: arm.so is built for AArch64; the functions run on x86_64."
    ]


def test_shared_objects_of_layers_are_read_too(tmp_path: Path) -> None:
    function = function_in(tmp_path, layers=("PlantedLayer",))
    shared_object(function.layers[0].folder / "new.so", "libc.so.6", "GLIBC_2.99")

    assert len(shared_object_problems(function)) == 1
