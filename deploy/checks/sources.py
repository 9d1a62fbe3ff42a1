"""Whether what was built is what the repository holds: a stale layer is the commonest fault of a SAM build."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from deploy.checks.artefacts import REPOSITORY, Function, Layer, files_below


def layer_problems(layer: Layer, repository: Path = REPOSITORY) -> list[str]:
    """Return each file of a layer that is not its source's, or is missing, or has none."""
    expected = _layer_sources(layer.logical_id, repository)
    if expected is None:
        return [f"{layer.logical_id}: deploy/checks/sources.py does not say where its files come from. Add it there."]
    return list(_differences(layer.logical_id, layer.folder, expected))


def package_problems(function: Function, source: Path) -> list[str]:
    """Return each file of a function's own package that is not the one in `source`, or is missing, or has none."""
    package = function.handler.split(".")[0]
    expected = {Path(package) / name: path for name, path in _sources(source / package).items()}
    return list(_differences(function.logical_id, function.folder, expected, below=package))


def _layer_sources(logical_id: str, repository: Path) -> Mapping[Path, Path] | None:
    if logical_id == "ContractsLayer":
        place = Path("python/dataflows")
        contracts = _sources(repository / "dataflows/contracts")
        files = {place / "contracts" / name: path for name, path in contracts.items()}
        return {**files, place / "__init__.py": repository / "dataflows/__init__.py"}
    if logical_id == "MessageBatchesLayer":
        return {Path("python") / name: path for name, path in _sources(repository / _MESSAGE_BATCHES).items()}
    return None


_MESSAGE_BATCHES = Path("deploy/layers/message_batches/python")


def _sources(folder: Path) -> dict[Path, Path]:
    return {path.relative_to(folder): path for path in files_below(folder) if not _is_bytecode(path)}


def _differences(name: str, folder: Path, expected: Mapping[Path, Path], below: str = "") -> Iterator[str]:
    built = {path.relative_to(folder) for path in files_below(folder / below) if not _is_bytecode(path)}
    remedy = "Delete .aws-sam and run make -C deploy build."
    yield from (f"{name}: {path} is missing. {remedy}" for path in sorted(expected.keys() - built))
    yield from (f"{name}: {path} is not in the source any more. {remedy}" for path in sorted(built - expected.keys()))
    for path in sorted(built & expected.keys()):
        if (folder / path).read_bytes() != expected[path].read_bytes():
            yield f"{name}: {path} is not what {expected[path].name} in the source says now. {remedy}"


def _is_bytecode(path: Path) -> bool:
    return "__pycache__" in path.parts
