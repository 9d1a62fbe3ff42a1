"""Reads a SAM template and expands it to CloudFormation with AWS's own translator.

The translator takes code from S3 only, so local folders are replaced by addresses in a bucket `local` that does not
exist; the key names the resource the folder was declared in, and finds it again afterwards.
"""

import functools
from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import yaml
from samtranslator.metrics.metrics import Metrics
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.parameters import parameter_values
from deploy.local.templates.rules import check_rules

_CODE_MEMBERS = {"AWS::Serverless::Function": "CodeUri", "AWS::Serverless::LayerVersion": "ContentUri"}


@dataclass(frozen=True)
class CodeSource:
    """A local folder with the code of a function or a layer; `build_method` is None if it is used as it is."""

    logical_id: str
    folder: Path
    build_method: str | None


@dataclass(frozen=True)
class Template:
    """A template in plain CloudFormation, with parameter values; `sources` by their key in the bucket `local`."""

    path: Path
    parameters: Mapping[str, Any]
    mappings: Mapping[str, Any]
    conditions: Mapping[str, Any]
    resources: Mapping[str, Any]
    outputs: Mapping[str, Any]
    sources: Mapping[str, CodeSource]


def load_template(path: Path, parameters: Mapping[str, Any], region: str) -> Template:
    """Return the template, expanded for one region.

    Raises TemplateError for what is no template, or has wrong parameters, or names a folder that is not there.
    """
    document = _parsed(path)
    values = parameter_values(path, document.get("Parameters", {}), parameters)
    check_rules(path, document.get("Rules", {}), values)
    sources = dict(_take_sources(path, document))
    expanded = _expanded(path, document, values, region)
    return Template(
        path=path,
        parameters=values,
        mappings=expanded.get("Mappings", {}),
        conditions=expanded.get("Conditions", {}),
        resources=expanded["Resources"],
        outputs=expanded.get("Outputs", {}),
        sources=sources,
    )


def _parsed(path: Path) -> dict[str, Any]:
    try:
        document = deepcopy(_read(path.read_text()))  # it is changed below
    except (OSError, yaml.YAMLError) as error:
        raise TemplateError(path, (), f"it cannot be read: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("Resources"), dict):
        raise TemplateError(path, (), "it declares no Resources.")
    return document


@functools.lru_cache(maxsize=16)  # a template is loaded many times, with other parameters, and YAML takes long to read
def _read(text: str) -> Any:
    return yaml_parse(text)


def _take_sources(path: Path, document: dict[str, Any]) -> Iterator[tuple[str, CodeSource]]:
    """Replace each local folder in the document by an address, and give what it was."""
    for logical_id, properties, member, metadata in _code_places(document):
        if member in properties:
            folder = path.parent / str(properties[member])
            if not folder.is_dir():
                raise TemplateError(path, (logical_id, member), f"{folder} is no folder.")
            properties[member] = f"s3://local/{logical_id}"
            yield logical_id, CodeSource(logical_id, folder.resolve(), metadata.get("BuildMethod"))


def _code_places(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], str, dict[str, Any]]]:
    yield "Globals", document.get("Globals", {}).get("Function", {}), "CodeUri", {}
    for logical_id, resource in document["Resources"].items():
        member = _CODE_MEMBERS.get(resource.get("Type"))
        if member:
            yield logical_id, resource.get("Properties", {}), member, resource.get("Metadata", {})


def _expanded(path: Path, document: dict[str, Any], values: dict[str, Any], region: str) -> dict[str, Any]:
    texts = {name: ",".join(value) if isinstance(value, list) else value for name, value in values.items()}
    metrics = Metrics()
    translator = Translator({}, Parser(), boto_session=boto3.Session(region_name=region), metrics=metrics)
    try:
        expanded: dict[str, Any] = translator.translate(document, texts)
    except InvalidDocumentException as error:
        reasons = " ".join(cause.message for cause in error.causes)
        raise TemplateError(path, (), f"SAM refuses it: {error.message} {reasons}") from error
    finally:
        metrics.publish()  # to nobody; it warns of those it still holds
    return expanded
