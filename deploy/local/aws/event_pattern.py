"""EventBridge event patterns: which events a rule asks for.

moto's own matcher does not look into arrays of objects, takes 1 for true, and ignores operators it does not know.
Semantics: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

import ipaddress
import operator
import re
from collections.abc import Callable, Iterator
from typing import Any

from deploy.local.aws.service import ServiceError


def matches(pattern: dict[str, Any], event: Any) -> bool:
    """Tell whether an event (or a part of one) has everything the pattern asks for.

    In an array of objects one element must satisfy all that the pattern says of its members.
    """
    if isinstance(event, list):
        return any(matches(pattern, element) for element in event)
    members = event if isinstance(event, dict) else {}
    return all(_member_matches(name, wanted, members) for name, wanted in pattern.items())


def check_pattern(pattern: Any) -> None:
    """Refuse a pattern EventBridge would refuse: ServiceError InvalidEventPatternException."""
    if not isinstance(pattern, dict) or not pattern:
        raise _invalid("a pattern must be an object that is not empty")
    for name, wanted in pattern.items():
        if name == "$or" and isinstance(wanted, list):
            for choice in wanted:
                check_pattern(choice)
        elif isinstance(wanted, list):
            _check_alternatives(name, wanted)
        else:
            check_pattern(wanted)


def _member_matches(name: str, wanted: Any, members: dict[str, Any]) -> bool:
    if name == "$or":
        return any(matches(choice, members) for choice in wanted)
    if isinstance(wanted, dict):
        return matches(wanted, members.get(name))
    values = list(_leaves(members[name])) if name in members else []
    return any(_alternative_matches(alternative, values) for alternative in wanted)


def _leaves(value: Any) -> Iterator[Any]:
    """Give the values a pattern can compare: an object is none, an array is each of its own."""
    if isinstance(value, list):
        for element in value:
            yield from _leaves(element)
    elif not isinstance(value, dict):
        yield value


def _alternative_matches(alternative: Any, values: list[Any]) -> bool:
    if not isinstance(alternative, dict):
        return any(_is_same(alternative, value) for value in values)
    ((name, argument),) = alternative.items()
    if name == "exists":
        return bool(values) is argument
    return any(_OPERATORS[name](argument, value) for value in values)


def _is_same(wanted: Any, value: Any) -> bool:
    # In Python True == 1; in JSON they differ.
    return bool(wanted == value) and isinstance(wanted, bool) == isinstance(value, bool)


def _any_text(compare: Callable[[str, str], bool]) -> Callable[[Any, Any], bool]:
    """Let a comparison of texts take one text, a list of them, or `{"equals-ignore-case": text}`."""

    def test(argument: Any, value: Any) -> bool:
        if not isinstance(value, str):
            return False
        if isinstance(argument, dict):
            return test(_lowered(argument["equals-ignore-case"]), value.lower())
        return any(compare(value, wanted) for wanted in (argument if isinstance(argument, list) else [argument]))

    return test


def _lowered(argument: Any) -> Any:
    return [one.lower() for one in argument] if isinstance(argument, list) else argument.lower()


def _anything_but(argument: Any, value: Any) -> bool:
    if isinstance(argument, dict):
        ((name, nested),) = argument.items()
        return not _OPERATORS[name](nested, value)
    return not any(_is_same(one, value) for one in (argument if isinstance(argument, list) else [argument]))


_COMPARISONS = {"<": operator.lt, "<=": operator.le, "=": operator.eq, ">=": operator.ge, ">": operator.gt}


def _numeric(argument: list[Any], value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return all(_COMPARISONS[sign](value, bound) for sign, bound in zip(argument[::2], argument[1::2], strict=True))


def _cidr(argument: str, value: Any) -> bool:
    try:
        return ipaddress.ip_address(value) in ipaddress.ip_network(argument)
    except ValueError:
        return False


def _is_wildcard_match(value: str, pattern: str) -> bool:
    # A backslash before an asterisk or a backslash takes its meaning away.
    parts = re.findall(r"\\[*\\]|.", pattern, re.DOTALL)
    expression = "".join(".*" if part == "*" else re.escape(part[-1]) for part in parts)
    return re.fullmatch(expression, value, re.DOTALL) is not None


_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "prefix": _any_text(str.startswith),
    "suffix": _any_text(str.endswith),
    "equals-ignore-case": _any_text(lambda value, wanted: value.lower() == wanted.lower()),
    "wildcard": _any_text(_is_wildcard_match),
    "anything-but": _anything_but,
    "numeric": _numeric,
    "cidr": _cidr,
}


def _check_alternatives(name: str, alternatives: list[Any]) -> None:
    if not alternatives:
        raise _invalid(f"the list of {name!r} is empty")
    for alternative in alternatives:
        if isinstance(alternative, list):
            raise _invalid(f"{name!r} holds a list within its list")
        if isinstance(alternative, dict):
            _check_operator(name, alternative)


def _check_operator(name: str, alternative: dict[str, Any]) -> None:
    if len(alternative) != 1:
        raise _invalid(f"each matcher of {name!r} must have exactly one operator")
    ((operator_name, argument),) = alternative.items()
    if operator_name == "exists":
        is_valid = isinstance(argument, bool)
    elif operator_name == "numeric":
        is_valid = _is_numeric_argument(argument)
    elif operator_name == "anything-but" and isinstance(argument, dict):
        return _check_operator(name, argument)
    else:
        is_valid = operator_name in _OPERATORS and bool(argument)
    if not is_valid:
        raise _invalid(f"{name!r} has {operator_name!r} with {argument!r}, which is no operator or not its argument")
    return None


def _is_numeric_argument(argument: Any) -> bool:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        return False
    return all(sign in _COMPARISONS for sign in argument[::2]) and all(
        isinstance(bound, int | float) for bound in argument[1::2]
    )


def _invalid(reason: str) -> ServiceError:
    return ServiceError("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
