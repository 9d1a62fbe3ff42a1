"""Two revisions of one data flow meet, at every step of either: the newer one is what is in force in the end."""

from typing import Any

import pytest

from dataflows.contracts.events import RegisterDataFlow
from tests.faults.registration.conftest import AddProperties
from tests.faults.registration.registry import ask, hear
from tests.faults.registration.state import check_state
from tests.warehouse.account import Account2
from tests.warehouse.interruption import interrupted_after
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

Changes = dict[str, Any]

BOTH: Changes = {"reports": [{"slug": "daily_totals"}, {"slug": "events"}]}
MOVED: Changes = {**BOTH, "refresh_hour_local": 9, "lookback_days": 2}
CHANGED: Changes = {**MOVED, "reports": [{"slug": "events"}]}
REMOVED: Changes = {**BOTH, "state": "removed"}
PAUSED: Changes = {**BOTH, "state": "paused"}

# What there was before, the older revision, the newer one.
MEETINGS: dict[str, tuple[Changes | None, Changes, Changes]] = {
    "update and create": (None, BOTH, CHANGED),
    "deregister and register": (None, BOTH, REMOVED),
    "deregister and update": (BOTH, CHANGED, REMOVED),
    "resume and pause": (BOTH, PAUSED, BOTH),
    "pause and update": (BOTH, MOVED, {**MOVED, "state": "paused"}),
    "register again and deregister": (BOTH, REMOVED, CHANGED),
}


@pytest.mark.parametrize("meeting", MEETINGS)
def test_late_older_revision_changes_nothing(meeting: str, account: Account2, add_properties: AddProperties) -> None:
    before, older, newer = revisions(meeting, add_properties(1)[0])
    ask(*before, older, newer)
    for event in (*before, newer):
        assert account.send(event) == []
    tables, calls = account.tables(), len(account.appflow_calls())

    assert account.send(older) == []

    hear(account)
    check_state(account, [*before, older, newer])
    assert account.tables() == tables
    assert account.appflow_calls()[calls:] == []


@pytest.mark.parametrize("stride", [30, pytest.param(1, marks=pytest.mark.slow)])
@pytest.mark.parametrize("is_newer_inside", [True, False], ids=["newer inside", "older inside"])
@pytest.mark.parametrize("meeting", MEETINGS)
def test_one_carried_out_within_the_other(
    meeting: str, is_newer_inside: bool, stride: int, account: Account2, add_properties: AddProperties
) -> None:
    step, has_met = 0, True
    while has_met:
        before, older, newer = revisions(meeting, add_properties(1)[0])
        ask(*before, older, newer)
        for event in before:
            account.send(event)
        has_met = met(account, older, newer, step) if is_newer_inside else met(account, newer, older, step)
        hear(account)
        check_state(account, [*before, older, newer])
        step += stride
    assert step > stride


def met(account: Account2, outer: RegisterDataFlow, inner: RegisterDataFlow, step: int) -> bool:
    """Carry out one revision within the other, at a step of it; return False when it has no such step."""
    failed = []
    with interrupted_after(step, lambda: failed.extend(account.send(inner))) as todo:
        failed += account.send(outer)
    if todo:
        failed += account.send(inner)
    for event in (outer, inner) if failed else ():  # as the queue hands out what failed
        assert account.send(event) == []
    return not todo


def revisions(meeting: str, property_id: str) -> tuple[list[RegisterDataFlow], RegisterDataFlow, RegisterDataFlow]:
    """Return the revisions of a meeting for a property: those before, the older one, the newer one."""
    before, older, newer = MEETINGS[meeting]
    first = [data_flow(property_id=property_id, **before)] if before else []
    number = len(first) + 1
    return (
        first,
        data_flow(property_id=property_id, revision=number, **older),
        data_flow(property_id=property_id, revision=number + 1, **newer),
    )
