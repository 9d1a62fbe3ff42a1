"""What one registration asks of AppFlow: Account 2's function, on the local services, with all declared reports."""

import os
import shutil
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from dataflows.contracts.reports import REPORTS
from deploy.local.servers.group import start_server_group
from deploy.local.state import make_shared_folder
from tests.servers import PREFIX, environment_of
from tests.warehouse.account import Account2, deployed_account
from tests.warehouse.requests import data_flow

_FLOW_PREFIX: Final = "ga4-"
_FIRST, _SECOND = "1201", "1202"


def appflow_calls() -> dict[str, Any]:
    """Return what is asked of AppFlow by registrations in an Account 2 of their own."""
    with _started_account() as account:
        return _counted(account)


@contextmanager
def _started_account() -> Iterator[Account2]:
    folder = make_shared_folder(PREFIX)
    try:
        servers = start_server_group(folder, folder, is_durable=False)
        try:
            os.environ.update(environment_of(servers))
            yield deployed_account()
        finally:
            servers.stop()
    finally:
        shutil.rmtree(folder)


def _counted(account: Account2) -> dict[str, Any]:
    """Return the calls for each flow of a new data flow and of one that did not change, and those of discovery.

    Discovery is what is asked of the connector: by the profile's first registration, and by its next, of another
    property.
    """
    account.services.google.add_properties([_FIRST, _SECOND])
    first, second, unchanged = (
        _calls(account, property_id, revision) for property_id, revision in ((_FIRST, 1), (_SECOND, 1), (_FIRST, 2))
    )
    return {
        "flows": len(REPORTS),
        "calls_a_new_flow": _of_flows(first) / len(REPORTS),
        "calls_an_unchanged_flow": _of_flows(unchanged) / len(REPORTS),
        "discovery": [_of_discovery(calls) for calls in (first, second)],
    }


def _calls(account: Account2, property_id: str, revision: int) -> list[tuple[str, str]]:
    before = len(account.calls)
    reports = [{"slug": slug} for slug in REPORTS]
    account.send(data_flow(property_id=property_id, revision=revision, reports=reports))
    return account.calls[before:]


def _of_flows(calls: list[tuple[str, str]]) -> int:
    return sum(flow.startswith(_FLOW_PREFIX) for _, flow in calls)


def _of_discovery(calls: list[tuple[str, str]]) -> Counter[str]:
    return Counter(name for name, flow in calls if not flow)
