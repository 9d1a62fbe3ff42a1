import functools
from collections.abc import Iterator
from typing import Any

import pytest

from deploy.local.accounts import IN_CLUSTER, IN_WORKGROUP, SLACK
from deploy.local.templates.errors import TemplateError
from tests.architecture.wiring.check import wiring_problems
from tests.architecture.wiring.policies import listed, role_trusts
from tests.architecture.wiring.removals import Removal, removals
from tests.architecture.wiring.stacks import (
    ACCOUNTS,
    Stack,
    resolved,
    shipped_templates,
    warehouse_template,
)


@functools.cache
def _shipped_stacks() -> dict[str, Stack]:
    return {name: resolved(template, ACCOUNTS[name]) for name, template in shipped_templates().items()}


def test_the_shipped_templates_carry_the_line() -> None:
    assert list(wiring_problems(shipped_templates())) == []


def test_without_slack_there_is_no_channel_and_nobody_may_act_from_one() -> None:
    stack = resolved(warehouse_template(**dict.fromkeys(SLACK, "")), ACCOUNTS["warehouse"])

    assert stack.types.keys() & {"ChatChannel", "ChatRole", "ChatGuardrail", "RetryAction", "ShowStatusAction"} == set()
    assert {"ChatTopic", "NotifyFunction"} <= stack.types.keys()


@pytest.mark.parametrize("role", ["AppFlowIngestRole", "AppFlowCopyRole", "RedshiftUnloadRole"])
def test_a_service_that_does_not_say_for_whom_it_acts_is_let_in_by_one_parameter_only(role: str) -> None:
    strict, lenient = (
        resolved(warehouse_template(HasSourceAccountCondition=value), ACCOUNTS["warehouse"]).properties[role]
        for value in ("true", "false")
    )
    [principal, *_] = listed(strict["AssumeRolePolicyDocument"]["Statement"][0]["Principal"]["Service"])

    assert not role_trusts(strict, principal, {})
    assert role_trusts(lenient, principal, {})
    assert not role_trusts(lenient, "lambda.amazonaws.com", {})


def test_an_existing_cluster_carries_the_line() -> None:
    templates = {**shipped_templates(), "warehouse": warehouse_template(**IN_CLUSTER)}

    assert list(wiring_problems(templates)) == []


@pytest.mark.parametrize(
    ("place", "foreign"), [(IN_WORKGROUP, ("redshift:", "arn:aws:redshift:")), (IN_CLUSTER, ("redshift-serverless",))]
)
def test_roles_are_let_into_the_one_place_that_is_given(place: dict[str, str], foreign: tuple[str, ...]) -> None:
    stack = resolved(warehouse_template(**place), ACCOUNTS["warehouse"])

    for role in stack.of_type("AWS::IAM::Role").values():
        texts = [text for text in _texts(role) if ":dbuser:" not in text]  # who Redshift says it acts for, in any form
        assert not [text for text in texts if any(one in text for one in foreign)]


def _texts(value: Any) -> Iterator[str]:
    """Yield all texts in a value."""
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _texts(one)
    else:
        yield str(value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({**IN_WORKGROUP, "ClusterIdentifier": "other"}, "a workgroup or a cluster"),
        (dict.fromkeys(IN_CLUSTER, ""), "or ClusterIdentifier alone"),
        ({**IN_WORKGROUP, "WorkgroupName": ""}, "Give WorkgroupName and WorkgroupArn"),
    ],
)
def test_not_one_warehouse_is_refused(changes: dict[str, str], said: str) -> None:
    with pytest.raises(TemplateError, match=said):
        warehouse_template(**changes)


@pytest.mark.parametrize("removal", removals(shipped_templates()), ids=str)
def test_the_line_is_broken_without(removal: Removal) -> None:
    changed = {removal.stack: removal.applied(shipped_templates()[removal.stack])}

    problems = functools.partial(wiring_problems, changed, _shipped_stacks())

    assert any(all(word in problem for word in removal.words) for problem in problems()), list(problems())
