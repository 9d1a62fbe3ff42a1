"""What MySQL holds is counted and compared with the ledger, so much at a time, and stated whole."""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any

import pytest
from django.utils import timezone

from dataflows.contracts.counts import CountedReport
from dataflows.contracts.reports import REPORT_TABLES, Report
from dataflows.models import DataFlow, DataFlowIncident
from reports import counting
from reports.counting import counted_reports, days_to_count
from reports.models import REPORT_MODELS, Partition
from tests.reports.conftest import add_load, add_report_row

pytestmark = pytest.mark.django_db

DAY = date(2026, 11, 1)
LOADED_AT = datetime(2026, 11, 2, tzinfo=UTC)


def load(data_flow: DataFlow, day: date, *, report: str = "events", rows: int = 2, generation: int = 1) -> None:
    """Load rows of a day, each with three sessions or events and 0.1 of revenue, as the loader does."""
    table = "custom" if report.startswith("custom_") else report
    for number in range(rows):
        values = {column.name: 3 for column in REPORT_TABLES[table].metrics}
        add_report_row(table, day, (f"{number}",), data_flow.property_id, report_id=report, **values)
    sums = {column.name: f"{3 * rows}.0000000000" for column in REPORT_TABLES[table].metrics}
    add_load(data_flow.property_id, None, report_id=report, date=day, generation=generation, row_count=rows, sums=sums)
    changes = {"generation": generation, "row_count": rows, "loaded_at": LOADED_AT, "counted_at": None}
    Partition.objects.update_or_create(
        property_id=data_flow.property_id, report_id=report, date=day, defaults={**changes, "run_id": "a" * 32}
    )


def count(data_flow: DataFlow, incidents: Iterable[DataFlowIncident] = ()) -> dict[str, CountedReport]:
    """Count what is to be counted now, and return what is stated of each report."""
    chosen = days_to_count([data_flow], incidents)
    return {item.report: item for item in counted_reports(data_flow, chosen, timezone.now())}


def rows_of(table: str) -> Any:
    return REPORT_MODELS[table]._default_manager.all()


def test_days_as_they_were_loaded_are_held_and_do_not_differ(data_flow: DataFlow) -> None:
    for offset in (0, 1, 3):
        load(data_flow, DAY + timedelta(offset))
    load(data_flow, DAY + timedelta(4), rows=0)
    load(data_flow, DAY, report="custom_by_system")

    stated = count(data_flow)

    events = stated["events"]
    assert [(item.start_date.day, item.end_date.day, item.generation, item.is_counted) for item in events.held] == [
        (1, 2, 1, True),
        (4, 5, 1, True),
    ]
    assert all(report.differing == () for report in stated.values())
    assert (stated["pages"].held, events.start_date.year) == ((), 2015)
    assert events.end_date > timezone.now().date()


def test_rows_that_are_gone_added_or_changed_are_found(data_flow: DataFlow) -> None:
    days = [DAY + timedelta(offset) for offset in range(4)]
    for day in days:
        load(data_flow, day)
    rows_of("events").filter(date=days[0]).delete()
    add_report_row("events", days[1], ("more",), data_flow.property_id, event_count=3)
    rows_of("events").filter(date=days[2]).update(total_revenue="3.0000000001")

    differing = count(data_flow)["events"].differing

    assert {item.date: (item.rows_loaded, item.rows_held) for item in differing} == {
        days[0]: (2, 0),
        days[1]: (2, 3),
        days[2]: (2, 2),
    }


def test_every_gap_that_is_planted_is_found_and_nothing_else(data_flow: DataFlow) -> None:
    chooser = Random(16)  # noqa: S311 - which gaps are planted
    days = [DAY + timedelta(offset) for offset in range(60)]
    for day in days:
        load(data_flow, day)
    planted = set(chooser.sample(days, 40))
    for day in planted:
        rows = rows_of("events").filter(date=day)
        match chooser.randrange(4):
            case 0:
                rows.delete()
            case 1:
                rows.filter(event_name="1").delete()
            case 2:
                add_report_row("events", day, ("more",), data_flow.property_id)
            case 3:
                rows.filter(event_name="0").update(**{chooser.choice(("event_count", "key_events")): 4})

    differing = count(data_flow)["events"].differing

    assert {item.date for item in differing} == planted


def test_what_was_not_counted_for_longest_is_counted_next(data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_ROWS", 5)
    days = [DAY + timedelta(offset) for offset in range(3)]
    for day in days:
        load(data_flow, day)

    turns = [
        {(item.start_date, item.end_date) for item in count(data_flow)["events"].held if item.is_counted}
        for _ in range(2)
    ]

    assert turns == [{(days[0], days[1])}, {(days[0], days[0]), (days[2], days[2])}]


def test_a_day_larger_than_the_budget_is_counted_alone(data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(counting, "MOST_ROWS", 1)
    load(data_flow, DAY)

    assert [item.is_counted for item in count(data_flow)["events"].held] == [True]


def test_days_of_an_incident_are_counted_every_time_and_the_others_in_turn(
    data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MOST_ROWS", 2)
    days = [DAY + timedelta(offset) for offset in range(3)]
    for day in days:
        load(data_flow, day)
    incident = DataFlowIncident(data_flow=data_flow, report="events", start_date=days[2], end_date=days[2])

    turns = [
        {(item.start_date, item.end_date) for item in count(data_flow, [incident])["events"].held if item.is_counted}
        for _ in range(2)
    ]

    assert turns == [{(days[0], days[0]), (days[2], days[2])}, {(days[1], days[2])}]


def test_a_day_that_is_loaded_meanwhile_is_left_for_the_next_time(
    data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    load(data_flow, DAY)
    counted = counting._rows_and_sums

    def meanwhile(property_id: str, report: Report, days: set[date]) -> Any:
        found = counted(property_id, report, days)
        rows_of("events").all().delete()
        load(data_flow, DAY, rows=1, generation=2)
        return found

    monkeypatch.setattr(counting, "_rows_and_sums", meanwhile)
    stated = count(data_flow)["events"]

    assert stated.differing == ()
    assert [(item.generation, item.is_counted) for item in stated.held] == [(2, False)]
    monkeypatch.undo()
    assert [(item.generation, item.is_counted) for item in count(data_flow)["events"].held] == [(2, True)]


def test_a_long_report_is_cut_and_its_pieces_speak_of_every_day(
    data_flow: DataFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "MAX_RANGES_PER_EVENT", 2)
    for offset in range(0, 10, 2):
        load(data_flow, DAY + timedelta(offset), rows=0)

    pieces = [item for item in counted_reports(data_flow, {("", ""): set()}, timezone.now()) if item.report == "events"]

    assert [len(piece.held) for piece in pieces] == [2, 2, 1]
    for earlier, later in pairwise(pieces):
        assert later.start_date == earlier.end_date + timedelta(1)
