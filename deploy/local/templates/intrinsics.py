"""Resolves CloudFormation's intrinsic functions; what it does not know, or cannot resolve, is an error."""

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from deploy.local.templates.errors import TemplateError

SUBSTITUTION = re.compile(r"\$\{(!?)([^}]+)\}")
_NO_VALUE = object()

Place = tuple[str, ...]


@dataclass(frozen=True)
class Created:
    """A resource that exists: what `Ref` and `Fn::GetAtt` give for it."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


def function_of(value: Any) -> tuple[str, Any] | None:
    """Return the name and argument of an intrinsic function call, or None if `value` is none."""
    if isinstance(value, dict) and len(value) == 1:
        name, argument = next(iter(value.items()))
        if name == "Ref" or str(name).startswith("Fn::"):
            return name, argument
    return None


class Resolver:
    """Resolves values of one template: `values` are parameters and pseudo parameters, `created` grows meanwhile."""

    def __init__(
        self, template: Path, values: Mapping[str, Any], mappings: Mapping[str, Any], conditions: Mapping[str, Any]
    ) -> None:
        self.created: dict[str, Created] = {}
        self._template = template
        self._values = values
        self._mappings = mappings
        self._conditions = conditions
        self._functions: dict[str, Callable[[Any, Place], Any]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::FindInMap": self._find_in_map,
            "Fn::If": self._if,
            "Fn::Equals": lambda pair, place: self._two(pair, place)[0] == self._two(pair, place)[1],
            "Fn::And": lambda parts, place: all(self._truth(part, place) for part in parts),
            "Fn::Or": lambda parts, place: any(self._truth(part, place) for part in parts),
            "Fn::Not": lambda parts, place: not self._truth(parts[0], place),
        }

    def resolve(self, value: Any, place: Place) -> Any:
        """Return `value` with every function in it replaced; `place` is told in errors.

        Raises TemplateError for a function or a name that is not known.
        """
        call = function_of(value)
        if call:
            return self._call(*call, place)
        if isinstance(value, dict):
            resolved = {key: self.resolve(one, (*place, str(key))) for key, one in value.items()}
            return {key: one for key, one in resolved.items() if one is not _NO_VALUE}
        if isinstance(value, list):
            elements = [self.resolve(one, (*place, str(index))) for index, one in enumerate(value)]
            return [one for one in elements if one is not _NO_VALUE]
        return value.isoformat() if isinstance(value, dt.date) else value

    def holds(self, condition: str, place: Place) -> bool:
        """Tell whether one of the template's conditions is true."""
        if condition not in self._conditions:
            raise self._error(place, f"there is no condition {condition}.")
        return self._truth(self._conditions[condition], ("Conditions", condition))

    def _call(self, name: str, argument: Any, place: Place) -> Any:
        if name not in self._functions:
            raise self._error(place, f"{name} is not known here.")
        try:
            return self._functions[name](argument, place)
        except (IndexError, KeyError, TypeError, ValueError) as error:
            raise self._error(place, f"{name} cannot take {argument!r}: {error}.") from error

    def _truth(self, value: Any, place: Place) -> bool:
        name = value.get("Condition") if isinstance(value, dict) else None
        return self.holds(name, place) if isinstance(name, str) else self.resolve(value, place) is True

    def _ref(self, name: Any, place: Place) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._values:
            return self._values[name]
        return self._resource(name, place).ref

    def _get_att(self, argument: Any, place: Place) -> str:
        name, attribute = argument.split(".", 1) if isinstance(argument, str) else argument
        attributes = self._resource(name, place).attributes
        if attribute not in attributes:
            raise self._error(place, f"{name} has no attribute {attribute} here; it has {sorted(attributes)}.")
        return attributes[attribute]

    def _resource(self, name: Any, place: Place) -> Created:
        if name not in self.created:
            raise self._error(place, f"{name!r} is no parameter, and no resource that exists under the conditions.")
        return self.created[name]

    def _sub(self, argument: Any, place: Place) -> str:
        text, own = (argument, {}) if isinstance(argument, str) else argument
        own = self.resolve(own, place)

        def substituted(found: re.Match[str]) -> str:
            is_literal, name = found[1], found[2].strip()
            if is_literal:
                return "${" + name + "}"
            value = own[name] if name in own else self._named(name, place)
            return self._text(value, place)

        return SUBSTITUTION.sub(substituted, text)

    def _named(self, name: str, place: Place) -> Any:
        return self._get_att(name, place) if "." in name else self._ref(name, place)

    def _join(self, argument: Any, place: Place) -> str:
        separator, parts = argument
        return str(separator).join(self._text(part, place) for part in self.resolve(parts, place))

    def _select(self, argument: Any, place: Place) -> Any:
        index, parts = self._two(argument, place)
        if not 0 <= int(index) < len(parts):
            raise self._error(place, f"Fn::Select asks for element {index} of {len(parts)}.")
        return parts[int(index)]

    def _split(self, argument: Any, place: Place) -> list[str]:
        separator, text = self._two(argument, place)
        return self._text(text, place).split(separator)

    def _find_in_map(self, argument: Any, place: Place) -> Any:
        name, first, second = self.resolve(argument, place)
        return self._mappings[name][first][second]

    def _if(self, argument: Any, place: Place) -> Any:
        condition, when_true, when_false = argument
        return self.resolve(when_true if self.holds(condition, place) else when_false, place)

    def _two(self, argument: Any, place: Place) -> tuple[Any, Any]:
        first, second = self.resolve(argument, place)
        return first, second

    def _text(self, value: Any, place: Place) -> str:
        if isinstance(value, bool):
            return str(value).lower()
        if not isinstance(value, str | int | float):
            raise self._error(place, f"a text is needed, not {value!r}.")
        return str(value)

    def _error(self, place: Place, problem: str) -> TemplateError:
        return TemplateError(self._template, place, problem)
