"""Checks requests against botocore's own model of a service: types, lengths, enumerations, and patterns.

botocore itself checks required members, types and minimum lengths only, so a wrong name would be found out first
by AWS.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from botocore.loaders import Loader
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from werkzeug.wrappers import Request

from deploy.local.aws.service import ServiceError

Members = dict[str, Any]

_NUMBERS: Final = {"integer": (int,), "long": (int,), "float": (int, float), "double": (int, float)}
# A timestamp in a JSON body is a number of seconds since 1970.
_PYTHON_TYPES: Final[Mapping[str, tuple[type, ...]]] = {
    **_NUMBERS,
    "timestamp": (int, float),
    "string": (str,),
    "boolean": (bool,),
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
}


class RestJsonModel:
    """The operations of one REST-JSON service as botocore knows them."""

    def __init__(self, service_name: str) -> None:
        model = ServiceModel(Loader().load_service_model(service_name, "service-2"), service_name)
        operations = [model.operation_model(name) for name in model.operation_names]
        self._routes = [(one.http["method"], _path_pattern(one.http["requestUri"]), one) for one in operations]

    def read(self, request: Request) -> tuple[str, Members]:
        """Return the operation a request means and its members, from path, query and body.

        Raises ServiceError: UnknownOperationException, SerializationException, or ValidationException that names
        every member that is wrong.
        """
        operation, path_members = self._route(request)
        shape = operation.input_shape
        if shape is None:
            return operation.name, {}
        members = {**_body(request), **_query_members(request, shape), **_named_by_path(path_members, shape)}
        problems = list(_problems(shape, members, ""))
        if problems:
            raise validation_error(_summary(problems))
        return operation.name, {name: members[name] for name in shape.members if members.get(name) is not None}

    def _route(self, request: Request) -> tuple[OperationModel, Mapping[str, str]]:
        for method, pattern, operation in self._routes:
            match = pattern.fullmatch(request.path)
            if match and method == request.method:
                return operation, match.groupdict()
        raise ServiceError("UnknownOperationException", f"{request.method} {request.path} is no operation.", 404)


def validation_error(message: str) -> ServiceError:
    """Return the error for a request that can't be right."""
    return ServiceError("ValidationException", message)


def _path_pattern(request_uri: str) -> re.Pattern[str]:
    # An ARN in a path holds slashes: they arrive decoded.
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(request_uri)), re.DOTALL)


def _body(request: Request) -> Members:
    raw = request.get_data()
    try:
        body = json_object(raw) if raw else {}
    except ValueError as error:
        raise ServiceError("SerializationException", "The request's body is not a JSON object.") from error
    return body


def json_object(raw: bytes | str) -> Members:
    """Return the JSON object in a text. Raises ValueError for anything else, NaN and infinity included."""
    value = json.loads(raw, parse_constant=_refuse_constant)
    if not isinstance(value, dict):
        raise ValueError("not an object")  # noqa: TRY004 - to the caller it is a wrong value like any other
    return value


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _named_by_path(found: Mapping[str, str], shape: StructureShape) -> Members:
    return {
        name: found[_wire_name(name, member)]
        for name, member in shape.members.items()
        if member.serialization.get("location") == "uri"
    }


def _query_members(request: Request, shape: StructureShape) -> Members:
    members: Members = {}
    for name, member in shape.members.items():
        values = request.args.getlist(_wire_name(name, member))
        if member.serialization.get("location") == "querystring" and values:
            members[name] = values if member.type_name == "list" else _from_text(values[0], member)
    return members


def _wire_name(name: str, member: Shape) -> str:
    return str(member.serialization.get("name", name))


def _from_text(text: str, shape: Shape) -> str | int | bool:
    if shape.type_name in ("integer", "long") and re.fullmatch(r"-?\d{1,18}", text):
        return int(text)
    if shape.type_name == "boolean" and text in ("true", "false"):
        return text == "true"
    return text


def _problems(shape: Shape, value: Any, path: str) -> Iterator[str]:
    """Yield what is wrong with a value, in the words AWS uses; `path` names it as in `tasks.1.member.taskType`."""
    if not _has_type(shape, value):
        yield f"Value at '{path}' failed to satisfy constraint: Member must be of type {shape.type_name}"
    elif isinstance(shape, StructureShape):
        yield from _structure_problems(shape, value, path)
    elif isinstance(shape, ListShape):
        yield from _size_problems(shape, len(value), path, "length")
        for place, one in enumerate(value, 1):
            yield from _problems(shape.member, one, f"{path}.{place}.member")
    elif isinstance(shape, MapShape):
        yield from _size_problems(shape, len(value), path, "length")
        for key, one in value.items():
            yield from _problems(shape.key, key, f"{path}.key")
            yield from _problems(shape.value, one, f"{path}.{key}")
    elif isinstance(value, str):
        yield from _text_problems(shape, value, path)
    else:
        yield from _size_problems(shape, value, path, "value")


def _has_type(shape: Shape, value: Any) -> bool:
    expected = _PYTHON_TYPES[shape.type_name]
    return isinstance(value, expected) and (isinstance(value, bool) == (expected == (bool,)))


def _structure_problems(shape: StructureShape, value: Members, path: str) -> Iterator[str]:
    prefix = f"{path}." if path else ""
    for name in shape.required_members:
        if value.get(name) is None:
            yield f"Value null at '{prefix}{name}' failed to satisfy constraint: Member must not be null"
    for name, member in shape.members.items():
        # Members that the model does not know are ignored, as AWS does.
        if value.get(name) is not None:
            yield from _problems(member, value[name], prefix + name)


def _text_problems(shape: Shape, value: str, path: str) -> Iterator[str]:
    yield from _size_problems(shape, len(value), path, "length")
    wrong = f"Value at '{path}' failed to satisfy constraint: Member must satisfy"
    choices = shape.metadata.get("enum")
    if choices and value not in choices:
        yield f"{wrong} enum value set: {choices}"
    pattern = shape.metadata.get("pattern")
    # \w means ASCII to AWS.
    if pattern and not re.fullmatch(pattern, value, re.ASCII):
        yield f"{wrong} regular expression pattern: {pattern}"


def _size_problems(shape: Shape, size: float, path: str, kind: str) -> Iterator[str]:
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        yield f"Value at '{path}' failed to satisfy constraint: Member must have {kind} greater than or equal to {low}"
    if high is not None and size > high:
        yield f"Value at '{path}' failed to satisfy constraint: Member must have {kind} less than or equal to {high}"


def _summary(problems: list[str]) -> str:
    plural = "s" if len(problems) > 1 else ""
    return f"{len(problems)} validation error{plural} detected: {'; '.join(problems)}"
