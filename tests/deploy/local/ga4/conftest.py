"""The service without data, on a clock that stands."""

from pathlib import Path

import pytest

from deploy.local.clock import EmulatedClock
from deploy.local.ga4.state import Ga4State
from tests.deploy.local.ga4.building import NOW, Service


@pytest.fixture
def service(tmp_path: Path) -> Service:
    clock = EmulatedClock(tmp_path / "clock.json")
    clock.set(NOW)
    return Service(tmp_path / "data", Ga4State(), clock)
