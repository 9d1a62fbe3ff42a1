"""What is logged, as CloudWatch gets it: lines of JSON.

def test_…(logged: Logged): … logged.lines()
"""

import io
import json
import logging
import logging.config
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from myapp.logs import LOGGING, WithIds

Line = dict[str, Any]


@dataclass
class Logged:
    """The lines of a test, through the formatter that ships."""

    stream: io.StringIO = field(default_factory=io.StringIO)

    def lines(self) -> list[Line]:
        """Return all lines until now."""
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    def line(self, words: str) -> Line:
        """Return the only line whose message has these words."""
        (found,) = [line for line in self.lines() if words in line["message"]]
        return found


@pytest.fixture
def logged() -> Iterator[Logged]:
    """All that is logged during a test."""
    logged = Logged()
    handler = logging.StreamHandler(logged.stream)
    configurator = logging.config.DictConfigurator(LOGGING)
    handler.setFormatter(configurator.configure_formatter(configurator.config["formatters"]["json"]))
    handler.addFilter(WithIds())
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.INFO)
    root.addHandler(handler)
    yield logged
    root.removeHandler(handler)
    root.setLevel(level)
