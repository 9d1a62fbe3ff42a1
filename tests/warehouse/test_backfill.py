"""What another revision's back-fill reads again: what the edit page says of it is true."""

from datetime import date, timedelta
from typing import Any

import pytest

from dataflows.contracts.plan import make_plan
from tests.warehouse.requests import AT, data_flow
from warehouse.new_runs import backfill_runs
from warehouse.runs import Run

YESTERDAY = date(2026, 3, 9)
Days = set[tuple[str, date]]


def runs_of(at_days_later: int = 0, **changes: Any) -> dict[str, Run]:
    event = data_flow(**{"start_date": "2025-06-01", **changes})
    return {run.run_id: run for run in backfill_runs(event, make_plan(event), AT + timedelta(at_days_later))}


def read_again(at_days_later: int = 0, **changes: Any) -> Days:
    """Return what a revision with these changes reads, of each report, beside what was read before it."""
    before, after = runs_of(), runs_of(at_days_later, **changes)
    return {(run.report, day) for name, run in after.items() if name not in before for day in days_of(run)}


def days_of(run: Run) -> list[date]:
    return [run.start_date + timedelta(number) for number in range((run.end_date - run.start_date).days + 1)]


def days_from(first: date, *reports: str, until: date = YESTERDAY) -> Days:
    days = [first + timedelta(number) for number in range((until - first).days + 1)]
    return {(report, day) for report in reports for day in days}


@pytest.mark.parametrize("first", [date(2025, 3, 20), date(2025, 9, 2), YESTERDAY])
def test_another_first_day_reads_all_days_from_it_on_again(first: date) -> None:
    assert read_again(start_date=first.isoformat()) == days_from(first, "daily_totals", "events")


def test_first_day_moved_by_92_days_fits_the_pieces_that_were_read() -> None:
    earlier = date(2025, 6, 1) - timedelta(92)
    assert read_again(start_date=earlier.isoformat()) == days_from(
        earlier, "daily_totals", "events", until=date(2025, 5, 31)
    )
    assert read_again(start_date="2025-09-01") == set()


@pytest.mark.parametrize(
    "changes",
    [
        {"on_invalid": "fail_run"},
        {
            "reports": [{"slug": "events"}],
            "filters": [{"dimension": "eventName", "operator": "contains", "values": ["x"]}],
        },
    ],
)
def test_another_filter_or_handling_of_invalid_records_reads_all_days_again(changes: dict[str, Any]) -> None:
    reports = [asked["slug"] for asked in changes.get("reports", [{"slug": "daily_totals"}, {"slug": "events"}])]
    assert read_again(**changes) == days_from(date(2025, 6, 1), *reports)


def test_added_report_is_read_from_the_first_day_on() -> None:
    reports = [{"slug": slug} for slug in ("daily_totals", "events", "pages")]
    assert read_again(reports=reports) == days_from(date(2025, 6, 1), "pages")


@pytest.mark.parametrize(
    "changes", [{}, {"lookback_days": 9}, {"refresh_hour_local": 9}, {"connector_profile": "other"}]
)
def test_any_other_change_reads_the_latest_piece_again_once_a_day_has_passed(changes: dict[str, Any]) -> None:
    assert read_again(**changes) == set()
    latest = read_again(at_days_later=1, **changes)
    first = min(day for _, day in latest)
    assert latest == days_from(first, "daily_totals", "events", until=YESTERDAY + timedelta(1))
    assert (YESTERDAY + timedelta(1) - first).days < 92
