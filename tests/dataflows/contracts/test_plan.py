"""A definition's plan: what it creates, and that it is the same everywhere."""

from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any

import pytest

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.plan import (
    PLAN_VERSION,
    DateWindow,
    check_plan_hash,
    daily_window,
    fill,
    make_plan,
    next_run_at,
    schedule_expression,
)
from dataflows.contracts.reports import REPORTS
from dataflows.contracts.tables import DATABASE_USERS
from tests.dataflows.contracts.definitions import register_event

WINDOW = DateWindow(date(2026, 8, 1), date(2026, 8, 31))


def operators(tasks: list[dict[str, Any]]) -> list[str]:
    return [task["connectorOperator"]["CustomConnector"] for task in tasks]


def test_same_definition_gives_the_same_hash_whoever_sends_it() -> None:
    one, other = register_event(), register_event(requested_by="somebody else", revision=7)
    assert make_plan(one).hash == make_plan(other).hash
    assert make_plan(one).hash != make_plan(register_event(lookback_days=5)).hash


@pytest.mark.parametrize("slug", REPORTS)
def test_flow_projects_every_field_first_and_maps_each_once(slug: str) -> None:
    (flow,) = make_plan(register_event(reports=[{"slug": slug}])).flows
    tasks = flow.tasks_for(WINDOW)
    names = [field.api_name for field in REPORTS[slug].fields]
    assert operators(tasks)[:2] == ["PROJECTION", "BETWEEN"]
    assert tasks[0]["sourceFields"] == names
    mapped = [task for task in tasks if task["taskType"] == "Map"]
    assert [task["sourceFields"] for task in mapped] == [[name] for name in names]
    assert len({task["destinationField"] for task in mapped}) == len(names)


def test_window_is_filled_in_as_milliseconds_of_midnight_utc() -> None:
    (flow,) = make_plan(register_event()).flows
    bounds = flow.tasks_for(WINDOW)[1]["taskProperties"]
    assert int(bounds["LOWER_BOUND"]) == datetime(2026, 8, 1, tzinfo=UTC).timestamp() * 1000
    assert int(bounds["UPPER_BOUND"]) == datetime(2026, 8, 31, tzinfo=UTC).timestamp() * 1000


def test_on_invalid_decides_what_validation_does() -> None:
    for on_invalid, action in (("drop_record", "DropRecord"), ("fail_run", "DropDataset")):
        (flow,) = make_plan(register_event(on_invalid=on_invalid)).flows
        actions = {task["taskProperties"]["VALIDATION_ACTION"] for task in flow.tasks if task["taskType"] == "Validate"}
        assert actions == {action}


def test_custom_report_lands_in_its_slots() -> None:
    custom = {"name": "by_system", "dimensions": ["operatingSystem", "browser"], "metrics": ["sessions"]}
    plan = make_plan(register_event(reports=[{"custom": custom}]))
    landing = next(table for table in plan.tables if table.schema == "ga4_landing")
    assert landing.qualified_name == "ga4_landing.p123456789_custom_by_system"
    assert [name for name, _ in landing.columns] == ["date", "d1", "d2", "m1"]


def test_report_brings_the_tables_it_is_joined_with() -> None:
    plan = make_plan(register_event(reports=[{"slug": "pages"}]))
    assert "ga4_raw.daily_totals" in {table.qualified_name for table in plan.tables}


def test_statements_are_filled_with_quoted_users_only() -> None:
    users = {name: f"IAMR:{name}" for name in DATABASE_USERS}
    for statement in make_plan(register_event()).statements:
        assert "$" not in fill(statement, users)
    with pytest.raises(ValueError, match="not a database user"):
        fill("GRANT x TO ${ingest_user}", {"ingest_user": 'a"; DROP TABLE b; --'})


def test_plan_other_than_the_approved_one_is_refused() -> None:
    plan = make_plan(register_event())
    check_plan_hash(register_event(plan_version=PLAN_VERSION, plan_hash=plan.hash), plan)
    check_plan_hash(register_event(), plan)
    for version, plan_hash, reason in (
        (PLAN_VERSION, "0" * 64, "plan_hash_changed"),
        (PLAN_VERSION + 1, plan.hash, "plan_outdated"),
    ):
        with pytest.raises(InvalidDataFlowError) as refused:
            check_plan_hash(register_event(plan_version=version, plan_hash=plan_hash), plan)
        assert refused.value.reason == reason


def test_daily_window_ends_yesterday_in_the_propertys_time_zone() -> None:
    at = datetime(2026, 11, 22, 20, 0, tzinfo=UTC)  # already the 23rd in Viet Nam
    assert daily_window("Asia/Ho_Chi_Minh", 4, at) == DateWindow(date(2026, 11, 19), date(2026, 11, 22))
    assert daily_window("America/New_York", 4, at) == DateWindow(date(2026, 11, 18), date(2026, 11, 21))


def test_schedule_follows_summer_time() -> None:
    summer = next_run_at("Europe/Berlin", 4, datetime(2026, 7, 1, tzinfo=UTC))
    winter = next_run_at("Europe/Berlin", 4, datetime(2026, 12, 1, tzinfo=UTC))
    assert (schedule_expression(summer), schedule_expression(winter)) == ("cron(0 2 * * ? *)", "cron(0 3 * * ? *)")


def test_skipped_hour_runs_once_the_clocks_have_moved_on() -> None:
    assert next_run_at("Europe/Berlin", 2, datetime(2026, 3, 29, 0, 0, tzinfo=UTC)) == datetime(
        2026, 3, 29, 1, 0, tzinfo=UTC
    )


def test_long_range_is_cut_without_gap_or_overlap() -> None:
    chunks = DateWindow(date(2025, 1, 1), date(2026, 1, 1)).chunks(100)
    assert [chunks[0].start_date, chunks[-1].end_date] == [date(2025, 1, 1), date(2026, 1, 1)]
    assert {(after.start_date - before.end_date).days for before, after in pairwise(chunks)} == {1}
