from pathlib import Path
from typing import Any

import pytest

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.intrinsics import Created, Resolver

MAPPINGS = {"Sizes": {"us-east-1": {"small": "128"}}}
CONDITIONS = {
    "IsProduction": {"Fn::Equals": [{"Ref": "Stage"}, "production"]},
    "IsOther": {"Fn::Not": [{"Condition": "IsProduction"}]},
    "IsEither": {"Fn::Or": [{"Condition": "IsProduction"}, {"Condition": "IsOther"}]},
    "IsBoth": {"Fn::And": [{"Condition": "IsProduction"}, {"Condition": "IsOther"}]},
}


@pytest.fixture
def resolver() -> Resolver:
    values = {"Stage": "test", "Subnets": ["a", "b"], "AWS::Region": "us-east-1", "AWS::AccountId": "111111111111"}
    resolver = Resolver(Path("t.yaml"), values, MAPPINGS, CONDITIONS)
    resolver.created["Queue"] = Created("https://queue", {"Arn": "arn:queue"})
    return resolver


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "test"),
        ({"Ref": "Queue"}, "https://queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:queue"),
        ({"Fn::Sub": "${AWS::Region}/${Stage}/${Queue.Arn}/${!kept}"}, "us-east-1/test/arn:queue/${kept}"),
        ({"Fn::Sub": ["${Own}-${Stage}", {"Own": {"Ref": "AWS::AccountId"}}]}, "111111111111-test"),
        ({"Fn::Join": [":", ["a", {"Ref": "Stage"}]]}, "a:test"),
        ({"Fn::Join": ["", {"Ref": "Subnets"}]}, "ab"),
        ({"Fn::Select": ["1", {"Fn::Split": [",", "x,y"]}]}, "y"),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "AWS::Region"}, "small"]}, "128"),
        ({"Fn::If": ["IsProduction", "yes", {"Ref": "Stage"}]}, "test"),
        ({"Fn::If": ["IsEither", "yes", "no"]}, "yes"),
        ({"Fn::If": ["IsBoth", "yes", "no"]}, "no"),
        ({"a": {"Ref": "AWS::NoValue"}, "b": [{"Ref": "AWS::NoValue"}, 1]}, {"b": [1]}),
        ("${aws:userid}", "${aws:userid}"),
    ],
)
def test_a_function_gives_its_value(resolver: Resolver, value: Any, expected: Any) -> None:
    assert resolver.resolve(value, ()) == expected


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ({"Ref": "Missing"}, "'Missing' is no parameter"),
        ({"Fn::GetAtt": ["Queue", "Color"]}, "Queue has no attribute Color"),
        ({"Fn::Sub": "${Missing.Arn}"}, "'Missing' is no parameter"),
        ({"Fn::Sub": "${Subnets}"}, "a text is needed"),
        ({"Fn::Select": ["7", ["a"]]}, "element 7 of 1"),
        ({"Fn::Select": ["-1", ["a"]]}, "element -1 of 1"),
        ({"Fn::FindInMap": ["Sizes", "eu-west-1", "small"]}, "eu-west-1"),
        ({"Fn::If": ["NoSuch", 1, 2]}, "there is no condition NoSuch"),
        ({"Fn::GetAZs": ""}, "Fn::GetAZs is not known here"),
        ({"Fn::Join": "x"}, "Fn::Join cannot take 'x'"),
    ],
)
def test_what_cannot_be_resolved_is_named_with_its_place(resolver: Resolver, value: Any, reason: str) -> None:
    with pytest.raises(TemplateError, match=r"t\.yaml: Rule\.Targets\.0\.Arn: ") as caught:
        resolver.resolve({"Targets": [{"Arn": value}]}, ("Rule",))
    assert reason in str(caught.value)
