"""What `ga4_ops.runs` holds of each run."""

from concurrent.futures import ThreadPoolExecutor

from dataflows.contracts.plan import DateWindow
from tests.warehouse.refresh_fixtures import Scene, day, scene_fixture
from warehouse.runs import Run, RunKind, Runs

__all__ = ["scene_fixture"]

AT_ONCE = 8


def test_a_run_noted_by_many_at_once_stands_there_once(scene: Scene) -> None:
    noted = [run_on(number) for number in range(5)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(lambda _: Runs(scene.refresher).add(noted), range(AT_ONCE)))

    assert [run.run_id for run in Runs(scene.refresher).find()] == [run.run_id for run in noted]


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
