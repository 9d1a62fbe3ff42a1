"""Which of a test's parameters take long: `make test-slow` runs those."""

from collections.abc import Collection, Iterable
from typing import Any

import pytest


def marked_slow(names: Iterable[str], slow: Collection[str]) -> list[Any]:
    """Return the names as a test's parameters; those among `slow` are marked so."""
    return [pytest.param(name, marks=[pytest.mark.slow] * (name in slow)) for name in names]
