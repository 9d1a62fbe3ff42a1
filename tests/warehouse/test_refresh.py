"""A refresh replaces the dates a run asked for, as a whole, in one transaction."""

from datetime import timedelta
from typing import Any

import pytest

from dataflows.contracts.events import RunStatus
from tests.warehouse.interruption import Died, dies_after
from tests.warehouse.refresh_fixtures import AT, PROPERTIES, Scene, day, event_row, scene_fixture, text, totals
from warehouse.runs import Run, RunKind, RunState

__all__ = ["scene_fixture"]
P1, P2, _ = PROPERTIES


def test_delivered_rows_are_typed_and_combined(scene: Scene) -> None:
    run = scene.deliver("daily_totals", [totals(day(0), 7, key_events="2.5")], day(0))
    assert scene.refresh("daily_totals").runs == 1
    (row,) = scene.rows("SELECT sessions, key_events::text FROM ga4_combined.daily_totals")
    assert row == {"sessions": 7, "key_events": "2.5000000000"}
    assert scene.run_of(run).consumed_at == AT
    assert scene.rows("SELECT * FROM ga4_landing.p1001_daily_totals") == []


def test_a_restated_day_replaces_what_was_there(scene: Scene) -> None:
    scene.deliver(
        "events", [event_row(day(0), "kept"), event_row(day(0), "gone"), event_row(day(1), "old")], day(0), day(1)
    )
    scene.refresh("events")
    scene.deliver("events", [event_row(day(0), "kept", 5)], day(0))
    scene.refresh("events")
    rows = scene.rows("SELECT date, event_name, event_count FROM ga4_combined.events ORDER BY date")
    assert [tuple(row.values()) for row in rows] == [(day(0), "kept", 5), (day(1), "old", 1)]
    assert scene.partitions("events") == {(P1, "events", day(0)): (2, 1), (P1, "events", day(1)): (1, 1)}


def test_a_date_without_rows_is_a_partition_too(scene: Scene) -> None:
    run = scene.deliver("events", [event_row(day(1), "a")], day(0), day(2))
    scene.refresh("events")
    assert scene.partitions("events") == {(P1, "events", day(n)): (1, count) for n, count in enumerate((0, 1, 0))}
    assert scene.told(run) == [RunStatus.REFRESHED]


def test_a_second_refresh_changes_nothing(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    before = scene.partitions("events")
    assert scene.refresh("events", AT + timedelta(minutes=15)).runs == 0
    assert scene.partitions("events") == before


def test_rows_still_on_their_way_are_waited_for(scene: Scene) -> None:
    run = scene.deliver("events", [event_row(day(0), "a")], day(0), rows_delivered=2)
    assert scene.refresh("events").runs == 0
    assert scene.run_of(run).consumed_at is None
    assert scene.partitions("events") == {}
    scene.land("events", [event_row(day(0), "b")])
    assert scene.refresh("events").runs == 1


def test_a_run_that_goes_on_is_waited_for(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.deliver("events", [], day(5), status=RunState.STARTED, rows_delivered=None)
    assert scene.refresh("events").runs == 0


@pytest.mark.parametrize(
    ("rows", "changes", "message", "kind"),
    [
        (1, {"rows_delivered": 3}, "holds 1 rows, AppFlow delivered 3", RunKind.REPAIR),
        (0, {"rows_failed": 2}, "not deliver 2 of its records", RunKind.REREAD),
    ],
)
def test_what_never_gets_whole_is_read_again_once(
    scene: Scene, rows: int, changes: dict[str, Any], message: str, kind: RunKind
) -> None:
    later = AT + timedelta(hours=2)
    run = scene.deliver("events", [event_row(day(0), "a")] * rows, day(0), **changes)
    assert scene.refresh("events", later).has_new_runs
    assert message in scene.news[-1].message
    assert scene.run_of(run).status is RunState.FAILED
    (again,) = scene.rows("SELECT * FROM ga4_ops.runs WHERE status = 'pending'")
    assert (again["start_date"], again["end_date"], again["kind"], again["requested_by"]) == (
        day(0),
        day(0),
        kind,
        None,
    )

    scene.rows("UPDATE ga4_ops.runs SET status = 'cancelled' WHERE status = 'pending' RETURNING 1")
    scene.deliver("events", [event_row(day(0), "a")] * rows, day(0), kind=kind, **changes)
    scene.refresh("events", later)
    assert "did not help" in scene.news[-1].message
    assert scene.rows("SELECT * FROM ga4_ops.runs WHERE status = 'pending'") == []


def test_records_that_fail_twice_are_left_out_and_counted(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0), rows_failed=2)
    assert scene.refresh("events").has_new_runs
    again = read_again(scene, rows_failed=2)

    assert scene.refresh("events").runs == 1

    assert scene.partitions("events") == {(P1, "events", day(0)): (1, 1)}
    news = scene.news[-1]
    assert (news.run_id, news.status, news.rows, news.rows_rejected) == (again.run_id, RunStatus.REFRESHED, 1, 2)
    assert news.message == "AppFlow could not deliver 2 of the records, twice: they are left out, the others loaded."


def test_records_that_fail_when_read_again_for_another_reason_are_read_once_more(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    assert scene.refresh("events").has_new_runs
    read_again(scene, rows_failed=2)

    assert scene.refresh("events").has_new_runs
    assert scene.partitions("events") == {}

    read_again(scene, rows_failed=2)
    assert scene.refresh("events").runs == 1
    assert scene.partitions("events") == {(P1, "events", day(0)): (1, 1)}


def read_again(scene: Scene, **changes: Any) -> Run:
    """Deliver the one row again, as the run that the refresh asked for."""
    [asked] = scene.rows("UPDATE ga4_ops.runs SET status = 'cancelled' WHERE status = 'pending' RETURNING kind")
    return scene.deliver("events", [event_row(day(0), "a")], day(0), kind=RunKind(asked["kind"]), **changes)


@pytest.mark.parametrize("name", ["refresh", "refresh: records failed", "remediation"])
def test_what_somebody_asked_for_is_read_again_whatever_the_name_of_who_asked(scene: Scene, name: str) -> None:
    rows = [event_row(day(0), "a")]
    scene.deliver("events", rows, day(0), rows_failed=2, kind=RunKind.REQUESTED, requested_by=name)

    assert scene.refresh("events").has_new_runs

    assert scene.rows("SELECT kind FROM ga4_ops.runs WHERE status = 'pending'") == [{"kind": "reread"}]


def test_overlapping_runs_are_read_again_as_one(scene: Scene) -> None:
    runs = [
        scene.deliver("events", [event_row(day(1), "a", 1)], day(0), day(3)),
        scene.deliver("events", [event_row(day(1), "a", 2)], day(1), day(4)),
    ]
    assert scene.refresh("events").has_new_runs
    assert scene.rows("SELECT * FROM ga4_landing.p1001_events") == []
    assert scene.partitions("events") == {}
    (again,) = scene.rows("SELECT * FROM ga4_ops.runs WHERE status = 'pending'")
    assert (again["start_date"], again["end_date"]) == (day(0), day(4))
    assert [scene.told(run) for run in runs] == [[RunStatus.FAILED], [RunStatus.FAILED]]


def test_runs_of_different_dates_are_consumed_together(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.deliver("events", [event_row(day(4), "a")], day(4))
    assert scene.refresh("events").runs == 2
    assert sorted(scene.partitions("events")) == [(P1, "events", day(0)), (P1, "events", day(4))]


def test_a_partition_knows_the_run_that_wrote_it_last(scene: Scene) -> None:
    first = scene.deliver("events", [event_row(day(n), "a") for n in range(5)], day(0), day(4))
    scene.refresh("events")
    later = scene.deliver("events", [event_row(day(1), "a")], day(1)), scene.deliver("events", [], day(3))
    scene.refresh("events", AT + timedelta(days=1))
    runs = dict.fromkeys(range(5), first) | dict(zip((1, 3), later, strict=True))
    assert scene.traces("events") == {day(n): (run.data_flow_id, run.correlation_id) for n, run in runs.items()}


def test_a_failing_statement_changes_nothing_and_holds_up_nobody_else(scene: Scene) -> None:
    overflowing = "INSERT INTO ga4_raw.daily_totals (property_id, date, sessions) VALUES (%s, %s, %s)"
    scene.admin.execute(overflowing, (P1, day(-1), 2**63 - 1))
    bad = scene.deliver("daily_totals", [totals(day(n), 1) for n in range(2)], day(0), day(1))
    good = scene.deliver("daily_totals", [totals(day(0), 3)], day(0), property_id=P2)
    scene.refresh("daily_totals")
    assert scene.partitions("daily_totals") == {(P2, "daily_totals", day(0)): (1, 1)}
    stored = [(row["property_id"], row["date"]) for row in scene.rows("SELECT * FROM ga4_raw.daily_totals")]
    assert sorted(stored) == [(P1, day(-1)), (P2, day(0))]
    assert len(scene.rows("SELECT * FROM ga4_landing.p1001_daily_totals")) == 2
    assert scene.run_of(bad).consumed_at is None
    assert (scene.told(bad), scene.told(good)) == ([RunStatus.FAILED], [RunStatus.REFRESHED])


def test_refused_rows_are_kept_with_their_reason_and_counted(scene: Scene) -> None:
    rows: list[list[str | None]] = [
        event_row(day(0), "good"),
        event_row(day(0), "twin", 2),
        event_row(day(0), "twin", 1),
        event_row(day(9), "late"),
        [text(day(0)), "text", "many", "1", "1", "1", "1"],
        ["2026-03-01", "dashes", "1", "1", "1", "1", "1"],
        [None, "no date", "1", "1", "1", "1", "1"],
    ]
    run = scene.deliver("events", rows, day(0))
    scene.refresh("events")
    refused = {row["record"].split(" | ")[1]: row["reason"] for row in scene.rows("SELECT * FROM ga4_raw.rejects")}
    assert refused == {
        "event_name=twin": "duplicate_key",
        "event_name=late": "outside_window",
        "event_name=text": "not_an_integer:event_count",
        "event_name=dashes": "bad_date",
        "event_name=no date": "bad_date",
    }
    kept = scene.rows("SELECT event_name, event_count FROM ga4_combined.events ORDER BY event_name")
    assert [tuple(row.values()) for row in kept] == [("good", 1), ("twin", 1)]
    (news,) = [news for news in scene.news if news.run_id == run.run_id]
    assert (news.rows, news.rows_rejected) == (2, 5)


def test_refused_rows_are_replaced_with_their_date(scene: Scene) -> None:
    for at in (AT, AT + timedelta(days=1)):
        scene.deliver(
            "events", [["x", "a", "1", "1", "1", "1", "1"], [text(day(0)), "b", "-", "-", "-", "-", "-"]], day(0)
        )
        scene.refresh("events", at)
    reasons = scene.rows("SELECT reason, date_text FROM ga4_raw.rejects ORDER BY reason")
    assert [tuple(row.values()) for row in reasons] == [("bad_date", "x"), ("not_an_integer:event_count", text(day(0)))]


def test_rows_computed_with_daily_totals_follow_them(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a"), event_row(day(1), "a")], day(0), day(1))
    scene.refresh("events")
    scene.deliver("daily_totals", [totals(day(0), 7, event_count="40")], day(0))
    assert set(scene.refresh("daily_totals").dependents) == {"traffic_acquisition", "pages", "events", "devices"}
    scene.refresh("events")
    assert day_event_counts(scene) == [40, None]
    assert scene.partitions("events") == {(P1, "events", day(0)): (2, 1), (P1, "events", day(1)): (1, 1)}

    scene.deliver("daily_totals", [totals(day(0), 8, event_count="40")], day(0))
    scene.refresh("daily_totals")
    scene.refresh("events")
    assert scene.partitions("events")[P1, "events", day(0)] == (2, 1)


def test_a_partition_that_is_only_computed_anew_keeps_the_ids_it_has(scene: Scene) -> None:
    events = scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    scene.deliver("daily_totals", [totals(day(n), 7, event_count="40") for n in range(9)], day(0), day(8))
    scene.refresh("daily_totals")
    scene.refresh("events")
    totals_before = scene.traces("daily_totals")
    restated = scene.deliver("daily_totals", [totals(day(0), 8)], day(0))
    scene.refresh("daily_totals", AT + timedelta(days=1))

    assert scene.partitions("events")[P1, "events", day(0)][0] == 2
    assert scene.traces("events") == {day(0): (events.data_flow_id, events.correlation_id)}
    assert scene.partitions("daily_totals")[P1, "daily_totals", day(7)][0] == 2
    assert scene.traces("daily_totals") == {
        **totals_before,
        day(0): (restated.data_flow_id, restated.correlation_id),
    }


def test_rows_follow_daily_totals_that_changed_weeks_ago(scene: Scene) -> None:
    make_stale(scene)

    scene.refresh("events", AT + timedelta(days=30))

    assert day_event_counts(scene) == [40]
    assert scene.partitions("events") == {(P1, "events", day(0)): (2, 1)}


def test_rows_follow_daily_totals_after_weeks_and_a_refresh_that_died_at_every_step(scene: Scene) -> None:
    make_stale(scene)
    scene.deliver("events", [event_row(day(1), "a")], day(1), ended_at=AT + timedelta(days=30))

    deaths = 0
    while True:
        try:
            with dies_after(deaths):
                scene.refresh("events", AT + timedelta(days=30, minutes=deaths))
        except Died:
            deaths += 1
        else:
            break

    assert deaths > 3
    assert day_event_counts(scene) == [40, None]


def test_rows_follow_daily_totals_by_a_message_that_is_weeks_old(scene: Scene) -> None:
    make_stale(scene)
    scene.deliver("events", [event_row(day(1), "a")], day(1), ended_at=AT + timedelta(days=30))
    scene.refresh("events", AT + timedelta(days=30))
    scene.deliver("daily_totals", [totals(day(0), 7, event_count="50")], day(0))
    scene.refresh("daily_totals", AT)

    scene.refresh("events", AT)

    assert day_event_counts(scene) == [50, None]


def make_stale(scene: Scene) -> None:
    """Leave the events of a day without its daily totals, which came later."""
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    scene.deliver("daily_totals", [totals(day(0), 7, event_count="40")], day(0))
    scene.refresh("daily_totals")
    assert day_event_counts(scene) == [None]


def day_event_counts(scene: Scene) -> list[int | None]:
    rows = scene.rows("SELECT day_event_count FROM ga4_combined.events ORDER BY date")
    return [row["day_event_count"] for row in rows]


def test_custom_reports_keep_their_slots(scene: Scene) -> None:
    two = [[text(day(0)), "Peru", "Lima", "3", "1e2"]]
    wide = [[text(day(0)), *"abcdefgh", *map(str, range(10))]]
    scene.deliver("custom_two", two, day(0))
    scene.deliver("custom_wide", wide, day(0), property_id=P2)
    scene.refresh("custom")
    rows = scene.rows("SELECT * FROM ga4_combined.custom ORDER BY property_id")
    assert [(row["report_id"], row["d2"], row["d3"], row["m2"], row["m3"]) for row in rows] == [
        ("custom_two", "Lima", None, 100, None),
        ("custom_wide", "b", "c", 1, 2),
    ]
    assert sorted(scene.partitions("custom")) == [(P1, "custom_two", day(0)), (P2, "custom_wide", day(0))]
