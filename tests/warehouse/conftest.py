"""Account 2 for the tests of its functions."""

import pytest

from tests.warehouse.account import Account2, deployed_account


@pytest.fixture
def account() -> Account2:
    """Account 2 with nothing in it but its stack, at nine thirty on the tenth of March 2026."""
    return deployed_account()
