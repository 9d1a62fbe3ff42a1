"""Account 2 with a bucket of Account 1 to unload to, and one report of one property that is registered and loaded."""

import pytest

from tests.faults.remediation.scene import Scene, make_bucket
from tests.faults.remediation.snapshot import Snapshot
from tests.warehouse.account import left_account

_taken: list[Snapshot] = []


@pytest.fixture
def scene(tmp_path_factory: pytest.TempPathFactory) -> Scene:
    """The events of property 1001, registered and loaded up to the ninth of March."""
    account = left_account()
    made = Scene(account)
    made.google(renew_refresh_token="1//refresh")
    if _taken and _taken[-1].fits(account):
        _taken[-1].restore(account)
        return made
    account.empty()
    make_bucket()
    made.register()
    made.heard.clear()
    _taken.append(Snapshot.of(account, tmp_path_factory.mktemp("loaded")))
    return made
