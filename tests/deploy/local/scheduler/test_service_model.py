"""Requests held against botocore's model, as a client without manners sends them."""

import json
from typing import Any

import pytest
from werkzeug.test import EnvironBuilder
from werkzeug.wrappers import Request

from deploy.local.aws.service import ServiceError
from deploy.local.scheduler.service_model import RestJsonModel

MODEL = RestJsonModel("appflow")


def read(path: str, body: Any, method: str = "POST", **query: str) -> tuple[str, dict[str, Any]]:
    data = body if isinstance(body, str) else json.dumps(body)
    builder = EnvironBuilder(path=path, method=method, data=data, query_string=query)
    return MODEL.read(Request(builder.get_environ()))


def refusal(path: str, body: Any, method: str = "POST") -> ServiceError:
    with pytest.raises(ServiceError) as caught:
        read(path, body, method)
    return caught.value


def test_known_members_are_kept_and_others_ignored() -> None:
    body = {"flowName": "ga4", "colour": "red", "clientToken": None}
    assert read("/start-flow", body) == ("StartFlow", {"flowName": "ga4"})


def test_members_come_from_path_and_query_too() -> None:
    arn = "arn:aws:appflow:us-east-1:222222222222:flow/ga4"
    name, members = read(f"/tags/{arn}", "", "DELETE", tagKeys="stage")
    assert (name, members) == ("UntagResource", {"resourceArn": arn, "tagKeys": ["stage"]})


def test_types_are_checked() -> None:
    for wrong in ("yes", 1, [True]):
        error = refusal("/delete-flow", {"flowName": "ga4", "forceDelete": wrong})
        assert "'forceDelete'" in str(error)
    assert "'maxResults'" in str(refusal("/list-flows", {"maxResults": True}))
    assert "'executionIds'" in str(refusal("/cancel-flow-executions", {"flowName": "ga4", "executionIds": "one"}))


def test_numbers_keep_to_their_limits() -> None:
    assert "less than or equal to 100" in str(refusal("/list-flows", {"maxResults": 101}))
    assert "greater than or equal to 1" in str(refusal("/list-flows", {"maxResults": 0}))


def test_pattern_is_of_the_whole_text_and_ascii() -> None:
    for wrong in ("ga4\n", "gä4", "-ga4", "g"):
        assert "regular expression pattern" in str(refusal("/start-flow", {"flowName": wrong}))


def test_what_is_no_request() -> None:
    for wrong in ("{", "[]", '{"flowName": NaN}'):
        assert refusal("/start-flow", wrong).code == "SerializationException"
    assert refusal("/no-such-operation", {}).status == 404
