"""Tells which operation of which service a request asks for, from the wire alone, and what it says about it.

botocore's models say how each service's operations are written: by a header, a form, or method and path.
"""

import functools
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import parse_qs, parse_qsl

from botocore.loaders import Loader
from botocore.model import OperationModel, ServiceModel
from botocore.parsers import RpcV2CBORParser
from werkzeug.wrappers import Request

# A credential scope that is not the name of botocore's model.
_MODELS: Final = {"monitoring": "cloudwatch"}
_CBOR_PATH: Final = re.compile(r"/service/\w+/operation/(\w+)")

Members = Mapping[str, Any]


@dataclass(frozen=True)
class _Route:
    operation: str
    method: str
    path: re.Pattern[str]
    needed: frozenset[str]  # names in the query, and headers, without which it is another operation


def read_operation(scope: str, request: Request) -> tuple[str, Members]:
    """Return a signed request's operation and the members that name what it is done to; `""` if nothing fits.

    Of a request by method and path that uploads something the body is left alone.
    """
    if target := request.headers.get("X-Amz-Target"):
        return target.rpartition(".")[2], _json(_body(request))
    if found := _CBOR_PATH.fullmatch(request.path):
        parser = RpcV2CBORParser()
        return found[1], dict(parser.parse_data_item(parser.get_peekable_stream_from_bytes(_body(request))))
    model = _model(scope)
    if model.metadata.get("protocol") == "query":
        form = dict(parse_qsl(_body(request).decode()))
        return form.get("Action", ""), form
    return _routed(scope, request)


def _body(request: Request) -> bytes:
    return request.get_data()  # kept by the request: who answers it reads it again


def _json(body: bytes) -> Members:
    members = json.loads(body or b"{}")
    return members if isinstance(members, dict) else {}


@functools.cache
def _model(scope: str) -> ServiceModel:
    name = _MODELS.get(scope, scope)
    return ServiceModel(Loader().load_service_model(name, "service-2"), name)


def _routed(scope: str, request: Request) -> tuple[str, Members]:
    """Return the operation that asks for most of what the request has."""
    has = {*request.args, *(name.lower() for name, _ in request.headers)}
    fitting = [
        (len(route.needed), route.operation, match.groupdict())
        for route in _routes(scope)
        if route.method == request.method and route.needed <= has and (match := route.path.fullmatch(request.path))
    ]
    if not fitting:
        return "", {}
    _, operation, members = max(fitting, key=lambda one: one[0])
    body = _json(_body(request)) if request.mimetype == "application/json" else {}
    return operation, {**body, **request.args.to_dict(), **members}


@functools.cache
def _routes(scope: str) -> tuple[_Route, ...]:
    model = _model(scope)
    return tuple(_route(model.operation_model(name)) for name in model.operation_names)


def _route(operation: OperationModel) -> _Route:
    path, _, query = str(operation.http["requestUri"]).partition("?")
    needed = {*parse_qs(query, keep_blank_values=True), *_required(operation)}
    pattern = re.sub(r"\\\{(\w+)\\\+\\\}", r"(?P<\1>.+)", re.escape(path))
    # An ARN in a path holds slashes: they arrive decoded. A bucket's name holds none.
    pattern = re.sub(r"\\\{(Bucket)\\\}", r"(?P<\1>[^/]+)", pattern)
    pattern = re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", pattern)
    return _Route(operation.name, operation.http["method"], re.compile(f"{pattern}/?", re.DOTALL), frozenset(needed))


def _required(operation: OperationModel) -> set[str]:
    """Return what must stand in the query or, in lower case, among the headers."""
    shape = operation.input_shape
    required = [] if shape is None else [(name, shape.members[name].serialization) for name in shape.required_members]
    names = [(written.get("location"), str(written.get("name", name))) for name, written in required]
    return {name for place, name in names if place == "querystring"} | {
        name.lower() for place, name in names if place == "header"
    }
