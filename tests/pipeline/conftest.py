"""One running stack for all tests of the line."""

import os
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import pytest

from deploy.local.demo import make_people
from deploy.local.stack import LocalStack
from deploy.local.state import LocalState
from deploy.local.website import Visitor
from tests.pipeline.line import Line

# Where the emulated clock stands unless a test moves it: in Auckland it is three minutes to midnight.
NOW: Final = datetime(2026, 6, 18, 11, 57, tzinfo=UTC)


@pytest.fixture(scope="module")
def line(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Line]:
    """Both accounts and MyApp's processes; a quarter of a minute to start. A module may say IS_REAL_TIME."""
    folder = tmp_path_factory.mktemp("line")
    state = LocalState(folder / "state")
    passwords = {name: secrets.token_urlsafe(12) for name in ("operator", "analyst")}
    # make check-policies gathers what all modules' stacks call in one file.
    calls = Path(os.environ["AWS_CALLS"]) if "AWS_CALLS" in os.environ else None
    stack = LocalStack(state, progress=lambda _: None, is_durable=False, calls=calls)
    state.root.mkdir(mode=0o700)
    if not getattr(request.module, "IS_REAL_TIME", False):
        stack.clock.set(NOW)  # before anything is deployed: a schedule's quarter hours count from its creation
    try:
        with stack:
            stack.start_myapp()
            make_people(stack.environment, passwords=passwords)
            operator = Visitor(stack.app_url)
            operator.log_in("operator", passwords["operator"])
            yield Line(stack, folder / "google", operator)
    finally:
        state.remove()
