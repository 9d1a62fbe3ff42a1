"""The values of a template's parameters: given ones, else the defaults, checked as CloudFormation does."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.templates.errors import TemplateError

_LISTS = frozenset({"CommaDelimitedList", "List<Number>"})
_TYPES = _LISTS | {"String", "Number"}


def parameter_values(template: Path, declared: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return each parameter's value: text, or a list of texts.

    Raises TemplateError for a value nobody gave, one the template does not declare, and one it forbids.
    """
    for name in given.keys() - declared.keys():
        raise TemplateError(template, ("Parameters", name), "a value was given, but there is no such parameter.")
    return {name: _value(template, name, one, given) for name, one in declared.items()}


def _value(template: Path, name: str, declaration: Mapping[str, Any], given: Mapping[str, Any]) -> Any:
    place = ("Parameters", name)
    value = given.get(name, declaration.get("Default"))
    if value is None:
        raise TemplateError(template, place, "it has no default, so a value must be given.")
    if declaration["Type"] not in _TYPES:
        raise TemplateError(template, place, f"type {declaration['Type']} is not known here: {sorted(_TYPES)}.")
    text = ",".join(map(str, value)) if isinstance(value, list) else str(value)
    problem = _problem(declaration, text)
    if problem:
        raise TemplateError(template, place, problem)
    return [part.strip() for part in text.split(",")] if declaration["Type"] in _LISTS else text


def _problem(declaration: Mapping[str, Any], text: str) -> str | None:
    allowed = [str(value) for value in declaration.get("AllowedValues", ())]
    if allowed and text not in allowed:
        return f"{text!r} is none of the allowed values {allowed}."
    pattern = declaration.get("AllowedPattern")
    if pattern and not re.fullmatch(pattern, text):
        return f"{text!r} does not match {pattern}."
    return _number_problem(declaration, text) if declaration["Type"] == "Number" else None


def _number_problem(declaration: Mapping[str, Any], text: str) -> str | None:
    try:
        number = float(text)
    except ValueError:
        return f"{text!r} is not a number."
    least, most = float(declaration.get("MinValue", "-inf")), float(declaration.get("MaxValue", "inf"))
    return None if least <= number <= most else f"{text} is not within {least:g} to {most:g}."
