"""The hand-written SQL of the combined tables: its columns are the declared ones, its numbers are right."""

import random
import re
from datetime import date, timedelta

import pytest

from dataflows.contracts import tables
from dataflows.contracts.reports import REPORT_TABLES, ReportTable
from tests.warehouse.refresh_fixtures import PROPERTIES, Scene, day, scene_fixture, totals
from warehouse.refresh_sql import combined_statement

__all__ = ["scene_fixture"]


@pytest.mark.parametrize("table", REPORT_TABLES.values(), ids=REPORT_TABLES)
def test_every_declared_column_is_filled_in_order(table: ReportTable) -> None:
    sql = combined_statement(table)
    inserted = re.search(r"INSERT INTO ga4_combined\.(\w+) \((.*?)\)", sql, re.DOTALL)
    selected = re.search(r"SELECT(.*?)FROM", sql[sql.index(")") :], re.DOTALL)
    assert inserted is not None
    assert selected is not None
    declared = [name for name, _ in tables.combined(table).columns]
    assert inserted[1] == table.name
    assert [name.strip() for name in inserted[2].split(",")] == declared
    stored = len(declared) - len(table.computed)
    assert [name.strip() for name in selected[1].split(",")][:stored] == [
        f"stored.{name}" for name in declared[:stored]
    ]


def test_the_week_before_is_computed_right_over_gaps_and_restatements(scene: Scene) -> None:
    dice = random.Random(20260301)  # noqa: S311 - the same numbers each time
    days = {(name, day(n)): dice.randrange(10**6) for name in PROPERTIES[:2] for n in range(40) if dice.random() < 0.8}
    _deliver(scene, days)
    restated = {key: sessions + 5 for key, sessions in days.items() if day(10) <= key[1] <= day(12)}
    before = scene.partitions("daily_totals")
    _deliver(scene, restated, day(10), day(12))
    days |= restated
    rows = scene.rows("SELECT * FROM ga4_combined.daily_totals")
    computed = {
        (row["property_id"], row["date"]): (row["sessions_7d"], row["days_7d"], row["sessions_week_before"])
        for row in rows
    }
    assert computed == {key: _expected(days, *key) for key in days}
    after = scene.partitions("daily_totals")
    changed = {key[2] for key in after if after[key] != before[key]}
    assert changed == {day(n) for n in range(10, 20)}


def _deliver(
    scene: Scene, days: dict[tuple[str, date], int], start: date | None = None, end: date | None = None
) -> None:
    for property_id in PROPERTIES[:2]:
        rows = [totals(on, sessions) for (name, on), sessions in days.items() if name == property_id]
        scene.deliver("daily_totals", rows, start or day(0), end or day(39), property_id)
    scene.refresh("daily_totals")


def _expected(days: dict[tuple[str, date], int], property_id: str, on: date) -> tuple[int, int, int | None]:
    week = [days[key] for n in range(7) if (key := (property_id, on - timedelta(n))) in days]
    return sum(week), len(week), days.get((property_id, on - timedelta(7)))
