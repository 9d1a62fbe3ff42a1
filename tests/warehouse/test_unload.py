"""What changed is unloaded once it is committed: data first, control rows last, and nothing twice."""

from datetime import datetime, timedelta
from decimal import Decimal

import pyarrow as pa
import pytest

from dataflows.contracts import tables
from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import RunStatus
from dataflows.contracts.reports import REPORT_TABLES
from tests.aws import ACCOUNT_1, aws_client
from tests.warehouse.refresh_fixtures import (
    AT,
    BUCKET,
    PROPERTIES,
    TARGET,
    Scene,
    create_role,
    day,
    event_row,
    scene_fixture,
    text,
    totals,
)
from warehouse.unload import UnloadSession, UnloadTarget, unload

__all__ = ["scene_fixture"]
P1, P2, _ = PROPERTIES


def _refreshed(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(1), name, 2) for name in ("b", "a", "c")], day(0), day(1))
    scene.deliver("events", [event_row(day(0), "it's", 5)], day(0), property_id=P2)
    scene.refresh("events")


def _sent_to(bucket: str) -> UnloadTarget:
    return UnloadTarget(bucket, TARGET.region, TARGET.role_chain)


def test_data_and_control_rows_reach_the_bucket(scene: Scene) -> None:
    _refreshed(scene)
    assert scene.unload("events") == 3
    (data_key,), (control_key,) = scene.manifests("data"), scene.manifests("control")
    data, control = scene.unloaded(data_key), scene.unloaded(control_key)
    assert data.column_names == [name for name, _ in tables.combined(REPORT_TABLES["events"]).columns]
    keys = [(row["property_id"], row["date"], row["dimension_hash"]) for row in data.to_pylist()]
    assert keys == sorted(keys)
    assert len(keys) == 4
    rows = [(row["property_id"], row["date"], row["generation"], row["row_count"]) for row in control.to_pylist()]
    assert rows == [(P1, day(0), 1, 0), (P1, day(1), 1, 3), (P2, day(0), 1, 1)]
    assert control.schema.field("sum_event_count").type == pa.decimal128(38, 10)
    assert [row["sum_event_count"] for row in control.to_pylist()] == [0, 6, 5]
    assert [row["sum_total_revenue"] for row in control.to_pylist()] == [0, Decimal("36.75"), Decimal("12.25")]


def test_day_with_one_value_too_large_is_unloaded_with_the_others_and_counted_as_rejected(scene: Scene) -> None:
    run = scene.deliver(
        "daily_totals", [totals(day(0), 1_200, total_revenue="1e21"), totals(day(1), 5)], day(0), day(1)
    )
    scene.refresh("daily_totals")
    scene.unload("daily_totals")
    (data_key,), (control_key,) = scene.manifests("data"), scene.manifests("control")
    rows = scene.unloaded(data_key).to_pylist()
    assert [(row["sessions"], row["total_revenue"]) for row in rows] == [(1_200, None), (5, 1)]
    counted = [(row["row_count"], row["sum_total_revenue"]) for row in scene.unloaded(control_key).to_pylist()]
    assert counted == [(1, 0), (1, 1)]
    news = [item for item in scene.news if item.run_id == run.run_id]
    assert {(item.rows, item.rows_rejected) for item in news} == {(2, 1)}


def test_more_partitions_than_the_loader_takes_are_unloaded_in_portions(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("warehouse.unload.MAX_PARTITIONS_PER_UNLOAD", 2)
    _refreshed(scene)  # two days of one property, one of the other
    assert scene.unload("events") == 3
    portions = [
        {(row["property_id"], row["date"]) for row in scene.unloaded(key).to_pylist()}
        for key in scene.manifests("control")
    ]
    assert sorted(portions, key=len) == [{(P2, day(0))}, {(P1, day(0)), (P1, day(1))}]
    assert sorted(scene.unloaded(key).num_rows for key in scene.manifests("data")) == [1, 3]
    assert scene.unload("events") == 0
    assert [news.status for news in scene.news].count(RunStatus.UNLOADED) == 2


def test_control_rows_name_the_request_and_the_data_flow_of_each_day(scene: Scene) -> None:
    first = scene.deliver("events", [event_row(day(0), "a")], day(0), day(1))
    other = scene.deliver("events", [], day(0), property_id=P2)
    scene.refresh("events")
    scene.unload("events")
    (control_key,) = scene.manifests("control")
    rows = scene.unloaded(control_key).to_pylist()
    assert [(row["property_id"], row["date"], row["data_flow_id"], row["correlation_id"]) for row in rows] == [
        (P1, day(0), first.data_flow_id, first.correlation_id),
        (P1, day(1), first.data_flow_id, first.correlation_id),
        (P2, day(0), other.data_flow_id, other.correlation_id),
    ]


def test_control_rows_are_written_after_the_data(scene: Scene) -> None:
    _refreshed(scene)
    scene.unload("events")
    listed = aws_client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]
    written: dict[str, list[datetime]] = {"data": [], "control": []}
    for item in listed:
        written[item["Key"].split("/")[2]].append(item["LastModified"])
    assert max(written["data"]) <= min(written["control"])


def test_custom_rows_carry_their_report(scene: Scene) -> None:
    scene.deliver("custom_two", [[text(day(0)), "Peru", "Lima", "3", "0.1"]], day(0))
    scene.refresh("custom")
    scene.unload("custom")
    (row,) = scene.unloaded(scene.manifests("control")[0]).to_pylist()
    assert (row["property_id"], row["report_id"], row["row_count"], row["sum_m2"]) == (
        P1,
        "custom_two",
        1,
        Decimal("0.1"),
    )
    assert row["sum_m10"] == 0


def test_no_value_of_one_property_holds_up_the_unload_of_another(scene: Scene) -> None:
    rows = [[text(day(0)), place, "", "9e27", "1e20"] for place in ("a", "b")]
    possible = [[text(day(0)), place, "", "1", "1e20"] for place in ("c", "d")]
    scene.deliver("custom_two", [*rows, *possible], day(0))
    scene.deliver("custom_two", [[text(day(0)), "e", "", "3", "4"]], day(0), property_id=P2)
    scene.refresh("custom")
    assert scene.unload("custom") == 2
    control = scene.unloaded(scene.manifests("control")[0]).to_pylist()
    assert [(row["property_id"], row["row_count"], row["sum_m1"], row["sum_m2"]) for row in control] == [
        (P1, 4, 2, 4 * 10**20),
        (P2, 1, 3, 4),
    ]


def test_a_second_sweep_writes_nothing(scene: Scene) -> None:
    _refreshed(scene)
    scene.unload("events")
    before = scene.objects()
    scene.refresh("events", AT + timedelta(minutes=15))
    assert scene.unload("events", AT + timedelta(minutes=15)) == 0
    assert scene.objects() == before


def test_only_what_changed_is_unloaded_again(scene: Scene) -> None:
    _refreshed(scene)
    scene.unload("events")
    before = set(scene.manifests("control"))
    scene.deliver("events", [event_row(day(1), "a", 9)], day(1))
    scene.refresh("events", AT + timedelta(days=1))
    assert scene.unload("events", AT + timedelta(days=1)) == 1
    (control_key,) = set(scene.manifests("control")) - before
    (row,) = scene.unloaded(control_key).to_pylist()
    assert (row["date"], row["generation"], row["row_count"], row["sum_event_count"]) == (day(1), 2, 1, 9)


def test_an_unload_that_broke_off_is_done_again_under_another_name(scene: Scene) -> None:
    _refreshed(scene)
    aws_client("iam", ACCOUNT_1).delete_role(RoleName="unload")
    with pytest.raises(TerminalError, match="not authorized"):
        scene.unload("events")
    (claimed,) = {row["unload_run_id"] for row in scene.rows("SELECT unload_run_id FROM ga4_ops.partitions")}
    assert claimed is not None
    create_role(ACCOUNT_1, "unload")

    assert scene.unload("events", AT + timedelta(minutes=15)) == 3
    (control_key,) = scene.manifests("control")
    assert claimed not in control_key
    assert {row["generation"] for row in scene.unloaded(control_key).to_pylist()} == {1}


def test_a_run_is_reported_as_unloaded_when_all_is_written(scene: Scene) -> None:
    run = scene.deliver("events", [event_row(day(0), "a"), event_row(day(0), "b")], day(0), day(2))
    scene.refresh("events")
    session = UnloadSession(scene.refresher, scene.unloader, _sent_to("nowhere"))
    with pytest.raises(TerminalError):
        unload(session, REPORT_TABLES["events"], AT, scene.news.extend)
    assert scene.told(run) == [RunStatus.REFRESHED]
    scene.unload("events", AT + timedelta(minutes=15))
    assert scene.told(run) == [RunStatus.REFRESHED, RunStatus.UNLOADED]
    assert scene.news[-1].rows == 2
    scene.deliver("events", [], day(5))
    scene.refresh("events", AT + timedelta(days=1))
    scene.unload("events", AT + timedelta(days=1))
    assert scene.told(run) == [RunStatus.REFRESHED, RunStatus.UNLOADED]
