"""Account 2, MyApp listening to it, and properties to register."""

from collections.abc import Callable
from itertools import count

import pytest
from pytest_django.fixtures import Settings

from tests.aws import ACCOUNT_2
from tests.warehouse.account import Account2
from tests.warehouse.conftest import account

__all__ = ["account"]

_numbers = count(600_001)  # of this process: Google keeps what it was given

AddProperties = Callable[[int], list[str]]


@pytest.fixture
def add_properties(account: Account2, settings: Settings, db: None) -> AddProperties:
    """Let Google know of so many properties more; gives their ids."""
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2

    def add(number: int) -> list[str]:
        property_ids = [str(next(_numbers)) for _ in range(number)]
        account.services.google.add_properties(property_ids)
        return property_ids

    return add
