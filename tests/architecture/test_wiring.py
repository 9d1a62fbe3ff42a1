import functools

import pytest

from deploy.local.accounts import SLACK
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
    assert wiring_problems(shipped_templates()) == []


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


@pytest.mark.parametrize("removal", removals(shipped_templates()), ids=str)
def test_the_line_is_broken_without(removal: Removal) -> None:
    changed = {removal.stack: removal.applied(shipped_templates()[removal.stack])}

    problems = wiring_problems(changed, _shipped_stacks())

    assert any(all(word in problem for word in removal.words) for problem in problems), problems
