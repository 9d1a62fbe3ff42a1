"""Nothing that ships can be made to fail by these tests' means."""

import re

import pytest

from dataflows.models import OutboxEvent
from tests.architecture.code import place, shipped_files
from tests.aws import aws_endpoint, clean_aws
from tests.faults.relay.relaying import relaying
from tests.faults.relay.windows import Kill, Window, arm, take_armed

__all__ = ["aws_endpoint", "clean_aws"]

WINDOWS: tuple[Window, ...] = ("claiming", "claimed", "calling", "published")
_MEANS = re.compile(r"(?:from|import)\s+tests\b|tests[./]faults|settrace|SIGKILL")


def test_nothing_that_ships_knows_of_the_means() -> None:
    found = [
        f"{place(path)}:{number}: {line}"
        for path in shipped_files()
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if _MEANS.search(line)
    ]

    assert found == []


@pytest.mark.django_db(transaction=True)
def test_a_worker_started_as_in_production_passes_every_window_unharmed(clean_aws: str) -> None:
    with relaying(is_as_shipped=True) as relay:
        for window in WINDOWS:
            arm(relay.processes.folder, Kill(window, 1))
            relay.register(1)
            relay.wait_until_published()
            assert take_armed(relay.processes.folder, window) is not None
        worker = relay.processes.worker.exit_code()

    assert worker is None
    assert set(OutboxEvent.objects.values_list("attempts", flat=True)) == {1}
