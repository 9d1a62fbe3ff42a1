"""Account 2 with one report of one property that is registered and loaded."""

from tests.faults.remediation.conftest import scene
from tests.warehouse.conftest import account

__all__ = ["account", "scene"]
