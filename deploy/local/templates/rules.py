"""A template's Rules: what must hold between its parameters, checked before anything is made, as CloudFormation does.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from deploy.local.templates.errors import TemplateError
from deploy.local.templates.intrinsics import Resolver


def check_rules(template: Path, rules: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
    """Raise TemplateError, in the rule's own words, for the first assertion that the parameters do not fulfil."""
    resolver = Resolver(template, parameters, {}, {})
    for name, rule in rules.items():
        place = ("Rules", name)
        if resolver.resolve(rule.get("RuleCondition", True), place) is not True:
            continue
        for assertion in rule["Assertions"]:
            if resolver.resolve(assertion["Assert"], place) is not True:
                raise TemplateError(template, place, assertion.get("AssertDescription", "an assertion does not hold."))
