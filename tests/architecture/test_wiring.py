import functools

import pytest

from tests.architecture.wiring.check import wiring_problems
from tests.architecture.wiring.removals import Removal, removals
from tests.architecture.wiring.stacks import ACCOUNTS, Stack, resolved, shipped_templates


@functools.cache
def _shipped_stacks() -> dict[str, Stack]:
    return {name: resolved(template, ACCOUNTS[name]) for name, template in shipped_templates().items()}


def test_the_shipped_templates_carry_the_line() -> None:
    assert wiring_problems(shipped_templates()) == []


@pytest.mark.parametrize("removal", removals(shipped_templates()), ids=str)
def test_the_line_is_broken_without(removal: Removal) -> None:
    changed = {removal.stack: removal.applied(shipped_templates()[removal.stack])}

    problems = wiring_problems(changed, _shipped_stacks())

    assert any(all(word in problem for word in removal.words) for problem in problems), problems
