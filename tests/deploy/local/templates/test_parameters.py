from pathlib import Path
from typing import Any

import pytest

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.parameters import parameter_values

DECLARED = {
    "Name": {"Type": "String", "Default": "x", "AllowedPattern": "^[a-z]+$"},
    "Stage": {"Type": "String", "AllowedValues": ["test", "live"], "Default": "test"},
    "Port": {"Type": "Number", "Default": 3306, "MinValue": 1, "MaxValue": 65535},
    "Subnets": {"Type": "CommaDelimitedList", "Default": ""},
}


def test_given_values_come_before_defaults_and_all_are_text_or_lists() -> None:
    values = parameter_values(Path("t"), DECLARED, {"Port": 4000, "Subnets": "a, b"})
    assert values == {"Name": "x", "Stage": "test", "Port": "4000", "Subnets": ["a", "b"]}


@pytest.mark.parametrize(
    "given", [{"Other": "1"}, {"Name": "X"}, {"Stage": "prod"}, {"Port": "many"}, {"Port": 0}, {"Port": 70000}]
)
def test_a_value_the_template_forbids_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(TemplateError, match=f"Parameters.{next(iter(given))}"):
        parameter_values(Path("t"), DECLARED, given)


def test_a_parameter_without_default_needs_a_value() -> None:
    with pytest.raises(TemplateError, match=r"Parameters\.Host: it has no default"):
        parameter_values(Path("t"), {"Host": {"Type": "String"}}, {})
