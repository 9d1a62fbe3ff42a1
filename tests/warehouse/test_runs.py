"""What `ga4_ops.runs` holds of each run."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from dataflows.contracts.plan import DateWindow
from tests.warehouse.refresh_fixtures import AT, Scene, day, scene_fixture
from warehouse.runs import Run, RunKind, Runs, RunState

__all__ = ["scene_fixture"]

AT_ONCE = 8


def test_a_run_noted_by_many_at_once_stands_there_once(scene: Scene) -> None:
    noted = [run_on(number) for number in range(5)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: Runs(scene.refresher).add(noted), range(AT_ONCE)))

    assert [run.run_id for run in Runs(scene.refresher).find()] == [run.run_id for run in noted]


def test_of_runs_of_one_report_claimed_by_many_at_once_one_is_started(scene: Scene) -> None:
    runs = Runs(scene.refresher)
    waiting = [run_on(number) for number in range(AT_ONCE)]
    runs.add([*waiting, replace(run_on(AT_ONCE), report="pages")])

    with ThreadPoolExecutor(AT_ONCE) as pool:
        won = list(pool.map(lambda run: Runs(scene.refresher).claim(run, started_at=AT), waiting))

    assert won.count(True) == 1
    (started,) = runs.find(status=RunState.STARTED)
    assert (started.run_id, started.started_at) == (waiting[won.index(True)].run_id, AT)
    assert runs.claim(replace(run_on(AT_ONCE), report="pages"))


@pytest.mark.parametrize(
    ("rival", "is_free"),
    [
        ({"status": RunState.STARTED}, False),
        ({"status": RunState.SUCCEEDED}, False),
        ({"status": RunState.SUCCEEDED, "consumed_at": AT}, True),
        ({"status": RunState.FAILED}, True),
        ({"status": RunState.STARTED, "property_id": "1002"}, True),
    ],
)
def test_a_run_is_claimed_only_while_nothing_of_its_report_is_on_its_way(
    scene: Scene, rival: dict[str, Any], is_free: bool
) -> None:
    runs = Runs(scene.refresher)
    runs.add([run_on(0), replace(run_on(1), **rival)])

    assert runs.claim(run_on(0)) == is_free


def run_on(number: int) -> Run:
    window = DateWindow(day(number), day(number))
    return Run(
        run_id=f"{number:032x}",
        correlation_id="00000000-0000-0000-0000-000000000001",
        data_flow_id="00000000-0000-0000-0000-000000000002",
        property_id="1001",
        report="events",
        appflow_flow_name="ga4-1001-events",
        kind=RunKind.SCHEDULED,
        start_date=window.start_date,
        end_date=window.end_date,
        requested_by="operator",
    )
