"""What a rule's target receives: the event itself, a part of it, constant text, or a filled-in template."""

import json
import re
from typing import Any

from jsonpath_ng.parser import parse

_VARIABLE = re.compile(r"<([A-Za-z0-9_.-]+)>")
_MISSING = object()


def target_input(target: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    """Return the text delivered to a target, by its Input, InputPath or InputTransformer.

    Raises ValueError when a template does not give valid JSON once it is filled in.
    """
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_found(target["InputPath"], event, None))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], event, rule_arn)
    return json.dumps(event)


def _transformed(transformer: dict[str, Any], event: dict[str, Any], rule_arn: str) -> str:
    paths = transformer.get("InputPathsMap", {})
    values = {name: _found(path, event, _MISSING) for name, path in paths.items()}
    values |= _predefined(event, rule_arn)
    text = _fill(transformer["InputTemplate"], values)
    json.loads(text)
    return text


def _predefined(event: dict[str, Any], rule_arn: str) -> dict[str, Any]:
    return {
        "aws.events.rule-arn": rule_arn,
        "aws.events.rule-name": rule_arn.rpartition("/")[2],
        "aws.events.event.ingestion-time": event["time"],
        "aws.events.event": {name: value for name, value in event.items() if name != "detail"},
        "aws.events.event.json": event,
    }


def _fill(template: str, values: dict[str, Any]) -> str:
    """Put values in place of `<name>`: as text inside quotes, as JSON outside; a path that found nothing is empty."""
    filled = []
    is_quoted = False
    # Splitting by the variables leaves texts at even places and names at odd ones.
    for place, part in enumerate(_VARIABLE.split(template)):
        if place % 2 == 0:
            is_quoted ^= _unescaped_quotes(part) % 2 == 1
            filled.append(part)
        else:
            filled.append(_inserted(values.get(part, _MISSING), is_quoted))
    return "".join(filled)


def _unescaped_quotes(text: str) -> int:
    return len(re.findall(r'(?<!\\)"', text))


def _inserted(value: Any, is_quoted: bool) -> str:
    if value is _MISSING:
        return ""
    if not is_quoted:
        return json.dumps(value)
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text)[1:-1]


def _found(path: str, event: dict[str, Any], default: Any) -> Any:
    matches = parse(path).find(event)
    return matches[0].value if matches else default
