"""What the warehouse took in and what it delivered are compared in every refresh's wake, older days once a day."""

# ruff: noqa: S608 - the tests' own names

from datetime import datetime, timedelta
from random import Random

from dataflows.contracts.reports import REPORT_TABLES
from tests.warehouse.refresh_fixtures import AT, PROPERTIES, Scene, day, event_row, scene_fixture, text, totals
from warehouse.comparing import compared
from warehouse.differences import Difference, Hop

__all__ = ["scene_fixture"]

EVENTS = REPORT_TABLES["events"]
ONE_ROW = "ctid = (SELECT MIN(ctid) FROM {table} WHERE property_id = '{property_id}' AND date = '{date}')"
GAPS = (
    f"DELETE FROM {{table}} WHERE {ONE_ROW}",
    "DELETE FROM {table} WHERE property_id = '{property_id}' AND date = '{date}'",
    f"INSERT INTO {{table}} SELECT * FROM {{table}} WHERE {ONE_ROW}",
    f"UPDATE {{table}} SET {{metric}} = {{metric}} + 1 WHERE {ONE_ROW}",
    f"UPDATE {{table}} SET {{metric}} = NULL WHERE {ONE_ROW}",
)


def found(scene: Scene, at: datetime = AT, known: tuple[Difference, ...] = ()) -> list[tuple[str, Hop, int, int]]:
    """Return report, hop and numbers of rows of what differs."""
    differences = compared(scene.refresher, REPORT_TABLES.values(), known, at)
    return sorted((item.report, item.hop, item.rows_expected, item.rows_found) for item in differences)


def test_whatever_is_delivered_and_refreshed_agrees(scene: Scene) -> None:
    scene.deliver("daily_totals", [totals(day(offset), 5) for offset in range(9)], day(0), day(8))
    scene.deliver("events", [event_row(day(0), name, 2) for name in ("a", "b", None)], day(0), day(1))
    scene.deliver("events", [event_row(day(0), "a"), event_row(day(0), "a")], day(0), property_id=PROPERTIES[1])
    scene.deliver("events", [[text(day(0)), "bad", "many", "1", "1", "1", "1"]], day(0), property_id=PROPERTIES[2])
    scene.deliver("custom_two", [[text(day(0)), "DE", "Köln", "3", "0.25"]], day(0), day(2))
    for table in ("daily_totals", "events", "custom"):
        scene.refresh(table)
        scene.unload(table)
    assert found(scene) == []

    later = AT + timedelta(hours=1)
    scene.deliver("daily_totals", [totals(day(2), 7)], day(2), ended_at=later)  # the days after it are computed anew
    scene.deliver("events", [event_row(day(1), "c")], day(1), ended_at=later)
    scene.refresh("daily_totals", later)
    scene.refresh("events", later)

    assert found(scene, later) == []


def test_every_gap_that_is_planted_is_found_and_nothing_else(scene: Scene) -> None:
    days = [day(offset) for offset in range(15)]
    for property_id in PROPERTIES:
        rows = [event_row(date, name, 3) for date in days for name in ("a", "b", "c")]
        scene.deliver("events", rows, days[0], days[-1], property_id)
        rows = [[text(date), "DE", city, "3", "0.25"] for date in days for city in ("Köln", "Bonn")]
        scene.deliver("custom_two", rows, days[0], days[-1], property_id)
    for name in ("events", "custom"):
        scene.refresh(name)
    places = [
        (property_id, table, hop, date)
        for property_id in PROPERTIES
        for table in ("events", "custom")
        for hop in (Hop.TYPED, Hop.COMBINED)
        for date in days
    ]
    chooser = Random(16)  # noqa: S311 - which gaps are planted
    planted = chooser.sample(places, 90)
    for property_id, table, hop, date in planted:
        schema = "ga4_raw" if hop is Hop.TYPED else "ga4_combined"
        metric = chooser.choice(("total_users", "total_revenue") if table == "events" else ("m1", "m2"))
        gap = chooser.choice(GAPS).format(table=f"{schema}.{table}", property_id=property_id, date=date, metric=metric)
        assert scene.admin.execute(gap.encode()).rowcount

    found = {
        (item.property_id, item.report.partition("_")[0], item.hop, item.start_date)
        for item in compared(scene.refresher, REPORT_TABLES.values(), [], AT)
    }

    assert found == set(planted)


def test_older_days_are_looked_at_once_a_day(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(offset), "a") for offset in range(3)], day(0), day(2))
    scene.refresh("events")
    scene.admin.execute("DELETE FROM ga4_combined.events WHERE date = '2026-03-02'")
    next_day = AT + timedelta(1)

    turns = [
        compared(scene.refresher, [EVENTS], (), next_day + timedelta(minutes=15 * quarter)) for quarter in range(96)
    ]

    assert [[(item.report, item.hop, item.rows_found) for item in turn] for turn in turns if turn] == [
        [("events", Hop.COMBINED, 0)]
    ]


def test_older_days_that_are_known_to_differ_are_looked_at_every_time(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    scene.admin.execute("DELETE FROM ga4_raw.events")
    known = compared(scene.refresher, [EVENTS], [], AT)
    later = AT + timedelta(1, minutes=15)

    (item,) = compared(scene.refresher, [EVENTS], known, later)

    assert (item.hop, item.first_seen_at, item.seen_at) == (Hop.TYPED, AT, later)


def test_records_that_were_rejected_are_accounted_for(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a"), [text(day(0)), "bad", "many", "1", "1", "1", "1"]], day(0))
    scene.refresh("events")
    assert found(scene) == []

    scene.admin.execute("DELETE FROM ga4_raw.rejects")

    assert found(scene) == [("events", Hop.DELIVERED, 2, 1)]


def test_rows_kept_with_a_value_left_empty_are_counted_once(scene: Scene) -> None:
    scene.deliver("daily_totals", [totals(day(0), 5, total_revenue="1e21"), totals(day(1), 6)], day(0), day(1))
    scene.refresh("daily_totals")
    assert found(scene) == []

    scene.admin.execute("DELETE FROM ga4_raw.daily_totals WHERE date = '2026-03-01'")

    assert found(scene) == [("daily_totals", Hop.TYPED, 1, 0)]


def test_days_of_before_there_were_sums_are_left_alone(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    scene.admin.execute("UPDATE ga4_ops.partitions SET sums = NULL")
    scene.admin.execute("DELETE FROM ga4_combined.events")

    assert found(scene) == []


def test_rows_that_are_gone_are_found_though_their_day_was_computed_anew(scene: Scene) -> None:
    scene.deliver("daily_totals", [totals(day(offset), 5) for offset in range(3)], day(0), day(2))
    scene.refresh("daily_totals")
    scene.admin.execute("DELETE FROM ga4_raw.daily_totals WHERE date = '2026-03-03'")
    later = AT + timedelta(hours=1)
    scene.deliver("daily_totals", [totals(day(0), 6)], day(0), ended_at=later)
    scene.refresh("daily_totals", later)

    assert found(scene, later) == [("daily_totals", Hop.COMBINED, 1, 0), ("daily_totals", Hop.TYPED, 1, 0)]


def test_many_known_days_are_looked_at_in_several_statements(scene: Scene) -> None:
    scene.deliver("events", [event_row(day(0), "a")], day(0))
    scene.refresh("events")
    known = [
        Difference(PROPERTIES[0], "events", Hop.TYPED, day(-offset), day(-offset), 1, 1, 0, AT, AT)
        for offset in range(1, 500)
    ]

    assert compared(scene.refresher, REPORT_TABLES.values(), known, AT) == []


def test_newest_days_of_each_report_are_found_however_many_differ(scene: Scene) -> None:
    days = [day(offset) for offset in range(30)]
    for property_id in PROPERTIES:
        scene.deliver("events", [event_row(date, "a") for date in days], days[0], days[-1], property_id)
    scene.refresh("events")
    scene.admin.execute("DELETE FROM ga4_combined.events")

    differences = compared(scene.refresher, [EVENTS], [], AT)

    newest = {(property_id, date) for property_id in PROPERTIES for date in days[-20:]}
    assert {(item.property_id, item.start_date) for item in differences} == newest


def test_hops_have_a_type_of_their_own_in_every_query(scene: Scene) -> None:
    """Redshift, unlike PostgreSQL, gives a bare text in a subquery none, and refuses the query around it."""
    told: list[str] = []

    class Listening:
        def query(self, statement: str) -> list[dict[str, str]]:
            told.append(statement)
            return []

    compared(Listening(), [EVENTS], [], AT)  # type: ignore[arg-type]  # what is asked, not what is answered

    (statement,) = told
    assert statement.count(" AS VARCHAR(20)) AS hop") == 3
    assert "' AS hop" not in statement
