"""What `sam build` made of a template: each function's folder, and the folders of its layers."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from samtranslator.yaml_helper import yaml_parse

REPOSITORY: Final = Path(__file__).parents[2]


@dataclass(frozen=True)
class Layer:
    """A layer as Lambda unpacks it into `/opt`."""

    logical_id: str
    folder: Path


@dataclass(frozen=True)
class Function:
    """A function as Lambda unpacks it into `/var/task`, with what lies in `/opt`."""

    logical_id: str
    handler: str
    folder: Path
    layers: tuple[Layer, ...]

    @property
    def folders(self) -> tuple[Path, ...]:
        """Return the folders of the function and of its layers."""
        return (self.folder, *(layer.folder for layer in self.layers))


class BuildMissingError(Exception):
    """There is no finished build in a folder; the message says how to make one."""


def built_functions(build: Path) -> tuple[Function, ...]:
    """Return the functions of the build in a folder that holds `sam build`'s template.yaml.

    Raises BuildMissingError if nothing was built there.
    """
    template = build / "template.yaml"
    if not template.is_file():
        raise BuildMissingError(f"{build} holds no build. Run make -C deploy build.")
    return tuple(_functions(build, yaml_parse(template.read_text())))


def files_below(folder: Path) -> Iterator[Path]:
    """Yield each file at and below a folder, in order."""
    return (path for path in sorted(folder.rglob("*")) if path.is_file())


def _functions(build: Path, template: Mapping[str, Any]) -> Iterator[Function]:
    for logical_id, properties in _of_type(template, "AWS::Serverless::Function"):
        layers = tuple(Layer(name, build / name) for name in _layer_names(template, properties))
        yield Function(logical_id, properties["Handler"], build / str(properties["CodeUri"]), layers)


def _of_type(template: Mapping[str, Any], kind: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the resources of a type, with what Globals says of all functions."""
    shared = template.get("Globals", {}).get("Function", {})
    for logical_id, resource in template["Resources"].items():
        if resource["Type"] == kind:
            yield logical_id, {**shared, **resource["Properties"], "Layers": _layers(shared, resource["Properties"])}


def _layers(shared: Mapping[str, Any], own: Mapping[str, Any]) -> list[Any]:
    return [*shared.get("Layers", ()), *own.get("Layers", ())]  # SAM appends a function's own to those of Globals


def _layer_names(template: Mapping[str, Any], properties: Mapping[str, Any]) -> Iterator[str]:
    """Yield the layers that were built here; one named by its ARN is made elsewhere."""
    for layer in properties["Layers"]:
        name = layer.get("Ref") if isinstance(layer, dict) else None
        if name in template["Resources"]:
            yield str(name)
