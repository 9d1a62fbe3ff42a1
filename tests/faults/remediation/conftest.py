"""Account 2 with a bucket of Account 1 to unload to, and one report of one property that is registered and loaded."""

import pytest

from tests.faults.remediation.scene import Scene, make_bucket
from tests.warehouse.account import Account2
from tests.warehouse.conftest import account

__all__ = ["account"]


@pytest.fixture
def scene(account: Account2) -> Scene:
    """The events of property 1001, registered and loaded up to the ninth of March."""
    make_bucket()
    made = Scene(account)
    made.google(renew_refresh_token="1//refresh")
    made.register()
    return made
