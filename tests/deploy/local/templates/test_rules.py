from pathlib import Path
from typing import Any

import pytest

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.rules import check_rules

ONE: dict[str, Any] = {
    "OneOfTwo": {
        "RuleCondition": {"Fn::Not": [{"Fn::Equals": [{"Ref": "Left"}, ""]}]},
        "Assertions": [{"Assert": {"Fn::Equals": [{"Ref": "Right"}, ""]}, "AssertDescription": "Left or Right."}],
    }
}


@pytest.mark.parametrize("values", [{"Left": "a", "Right": ""}, {"Left": "", "Right": "b"}, {"Left": "", "Right": ""}])
def test_parameters_that_fulfil_a_rule_or_that_it_is_not_for_pass(values: dict[str, str]) -> None:
    check_rules(Path("t"), ONE, values)


def test_an_assertion_that_does_not_hold_is_told_in_its_words() -> None:
    with pytest.raises(TemplateError, match=r"Rules\.OneOfTwo: Left or Right\."):
        check_rules(Path("t"), ONE, {"Left": "a", "Right": "b"})


def test_a_rule_without_a_condition_is_for_all() -> None:
    rule = {"Never": {"Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}}

    with pytest.raises(TemplateError, match=r"Rules\.Never: an assertion does not hold"):
        check_rules(Path("t"), rule, {})
