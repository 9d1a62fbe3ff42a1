"""The order in which resources must be made: what one refers to, or depends on, comes before it."""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from typing import Any

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.intrinsics import SUBSTITUTION, Resolver, function_of
from deploy.local.templates.sam import Template


def existing_resources(template: Template, resolver: Resolver) -> dict[str, Any]:
    """Return the resources whose conditions hold, each after all that it needs.

    Raises TemplateError for resources that need each other, and for a DependsOn nobody declares.
    """
    existing = {
        name: resource
        for name, resource in template.resources.items()
        if "Condition" not in resource or resolver.holds(resource["Condition"], (name, "Condition"))
    }
    needs = {name: _needs(template, name, resource, resolver) & existing.keys() for name, resource in existing.items()}
    try:
        order = list(TopologicalSorter(needs).static_order())
    except CycleError as error:
        raise TemplateError(template.path, (), f"these need each other: {' → '.join(error.args[1])}.") from error
    return {name: existing[name] for name in order}


def _needs(template: Template, name: str, resource: Mapping[str, Any], resolver: Resolver) -> set[str]:
    declared = resource.get("DependsOn", [])
    listed = [declared] if isinstance(declared, str) else declared
    for other in listed:
        if other not in template.resources:
            raise TemplateError(template.path, (name, "DependsOn"), f"there is no resource {other}.")
    return {*listed, *_references(resource.get("Properties", {}), resolver, (name,))}


def _references(value: Any, resolver: Resolver, place: tuple[str, ...]) -> Iterator[str]:
    call = function_of(value)
    if call and call[0] in _NAMES:
        yield from _NAMES[call[0]](call[1])
    if call and call[0] == "Fn::If":
        condition, when_true, when_false = call[1]
        yield from _references(when_true if resolver.holds(condition, place) else when_false, resolver, place)
        return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for one in inner:
        yield from _references(one, resolver, place)


def _names_in_text(argument: Any) -> list[str]:
    text = argument if isinstance(argument, str) else argument[0]
    return [found[2].split(".", 1)[0].strip() for found in SUBSTITUTION.finditer(text) if not found[1]]


_NAMES = {
    "Ref": lambda argument: [argument],
    "Fn::GetAtt": lambda argument: [argument.split(".", 1)[0] if isinstance(argument, str) else argument[0]],
    "Fn::Sub": _names_in_text,
}
