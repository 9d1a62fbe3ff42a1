"""Answers and errors in the shape each AWS protocol gives them, so that botocore reads them as from AWS."""

import json
import uuid
from typing import Any
from xml.etree import ElementTree

from werkzeug.wrappers import Request, Response

from deploy.local.aws.service import ServiceError

# The same error has another name in the older XML protocols.
_CODES_OF_QUERY = {"UnrecognizedClientException": "InvalidClientTokenId", "ExpiredTokenException": "ExpiredToken"}
_CODES_OF_S3 = {"UnrecognizedClientException": "InvalidAccessKeyId", "ExpiredTokenException": "ExpiredToken"}


def json_answer(body: Any, status: int = 200) -> Response:
    """Return a JSON answer."""
    return Response(json.dumps(body), status, content_type="application/json")


def query_answer(action: str, result: dict[str, Any]) -> Response:
    """Return the XML answer of a query-protocol action such as STS's; `result` may nest, a list repeats its element."""
    root = ElementTree.Element(f"{action}Response", xmlns="https://sts.amazonaws.com/doc/2011-06-15/")
    _append(root, {f"{action}Result": result, "ResponseMetadata": {"RequestId": str(uuid.uuid4())}})
    return _xml(root, 200)


def error_answer(error: ServiceError, request: Request, scope: str | None) -> Response:
    """Return an error as the protocol of the request tells it: XML for S3 and query services, JSON otherwise."""
    if scope == "s3":
        return _s3_error(error)
    if request.mimetype == "application/x-www-form-urlencoded":
        return _query_error(error)
    return _json_error(error)


def _json_error(error: ServiceError) -> Response:
    answer = json_answer({"__type": error.code, "message": str(error), **error.members}, error.status)
    answer.headers["x-amzn-errortype"] = error.code
    return answer


def _query_error(error: ServiceError) -> Response:
    code = _CODES_OF_QUERY.get(error.code, error.code)
    root = ElementTree.Element("ErrorResponse")
    fault = "Sender" if error.status < 500 else "Receiver"
    _append(root, {"Error": {"Type": fault, "Code": code, "Message": str(error)}, "RequestId": str(uuid.uuid4())})
    return _xml(root, error.status)


def _s3_error(error: ServiceError) -> Response:
    root = ElementTree.Element("Error")
    code = _CODES_OF_S3.get(error.code, error.code)
    _append(root, {"Code": code, "Message": str(error), "RequestId": str(uuid.uuid4())})
    return _xml(root, error.status)


def _append(parent: ElementTree.Element, members: dict[str, Any]) -> None:
    for name, value in members.items():
        for one in value if isinstance(value, list) else [value]:
            child = ElementTree.SubElement(parent, name)
            if isinstance(one, dict):
                _append(child, one)
            else:
                child.text = str(one)


def _xml(root: ElementTree.Element, status: int) -> Response:
    return Response(ElementTree.tostring(root, encoding="utf-8"), status, content_type="text/xml")
