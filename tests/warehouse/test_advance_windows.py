"""How the scheduled flows move on from day to day."""

from datetime import UTC, date, datetime, timedelta

import pytest

from dataflows.contracts.plan import date_bound
from tests.warehouse.account import Account2
from tests.warehouse.interruption import Died, dies_after
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

EVENTS = [{"slug": "events"}]


def advance(account: Account2, at: datetime) -> None:
    assert account.call("advance_windows", {"at": at.isoformat()}) == []


def scheduled_at(account: Account2) -> str:
    trigger = account.flow("ga4-1001-events")["triggerConfig"]["triggerProperties"]["Scheduled"]
    return str(trigger["scheduleExpression"])


def bounds(account: Account2) -> tuple[str, str]:
    (found,) = [
        task["taskProperties"]
        for task in account.flow("ga4-1001-events")["tasks"]
        if "LOWER_BOUND" in task["taskProperties"]
    ]
    return found["LOWER_BOUND"], found["UPPER_BOUND"]


def test_window_moves_on_before_the_next_run(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))

    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))

    assert bounds(account) == (date_bound(date(2026, 3, 8)), date_bound(date(2026, 3, 11)))
    assert [day for (day,) in account.runs("end_date", "kind = 'scheduled'")] == [date(2026, 3, 10), date(2026, 3, 11)]
    assert account.flows()["ga4-1001-events"] == "Active"


def test_flow_that_is_prepared_or_not_due_is_left_alone(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))
    calls = len(account.appflow_calls())

    advance(account, datetime(2026, 3, 12, 3, 30, tzinfo=UTC))
    advance(account, datetime(2026, 3, 12, 9, 30, tzinfo=UTC))

    assert account.appflow_calls()[calls:] == []


def test_hour_follows_summer_time(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    assert scheduled_at(account) == "cron(0 4 * * ? *)"

    advance(account, datetime(2026, 3, 29, 1, 30, tzinfo=UTC))

    assert scheduled_at(account) == "cron(0 3 * * ? *)"


def test_paused_data_flow_is_not_moved_on(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.send(data_flow(reports=EVENTS, revision=2, state="paused"))

    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))

    assert bounds(account) == (date_bound(date(2026, 3, 7)), date_bound(date(2026, 3, 10)))


def test_flow_that_is_gone_is_reported(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.client("appflow").delete_flow(flowName="ga4-1001-events", forceDelete=True)
    account.answers()

    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))

    (answer,) = account.answers()
    assert answer["status"] == "failed"
    assert "gone from AppFlow" in answer["message"]
    assert account.runs("status, appflow_flow_name", "end_date = '2026-03-11'") == [("failed", None)]


def test_message_that_comes_late_sets_no_flow_back(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    advance(account, datetime(2026, 3, 12, 12, 30, tzinfo=UTC))
    moved_on = bounds(account)

    advance(account, datetime(2026, 3, 11, 12, 30, tzinfo=UTC))

    assert bounds(account) == moved_on == (date_bound(date(2026, 3, 9)), date_bound(date(2026, 3, 12)))


def test_flow_whose_connection_is_gone_is_reported_once(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.execute("UPDATE ga4_ops.data_flows SET definition = REPLACE(definition, '\"ga4\"', '\"gone-profile\"')")
    account.answers()

    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))
    advance(account, datetime(2026, 3, 12, 3, 30, tzinfo=UTC))

    (answer,) = account.answers()
    assert (answer["status"], answer["start_date"]) == ("failed", "2026-03-08")
    assert account.runs("status, appflow_flow_name", "end_date = '2026-03-11'") == [("failed", None)]


def advance_and_die_before_the_flow_is_started_again(account: Account2, at: datetime) -> None:
    deaths = 0
    while account.flows()["ga4-1001-events"] == "Active":
        account.services.appflow.faults.refuse_updates = 1
        with pytest.raises(Died), dies_after(deaths):
            account.call("advance_windows", {"at": at.isoformat()})
        deaths += 1


def test_flow_that_was_stopped_to_be_changed_goes_on_after_a_crash(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    at = datetime(2026, 3, 12, 2, 30, tzinfo=UTC)
    advance_and_die_before_the_flow_is_started_again(account, at)

    advance(account, at)

    assert account.flows()["ga4-1001-events"] == "Active"
    assert bounds(account) == (date_bound(date(2026, 3, 8)), date_bound(date(2026, 3, 11)))


def test_sweep_starts_a_flow_that_a_crash_left_stopped_and_calls_it_no_incident(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    at = datetime(2026, 3, 12, 2, 30, tzinfo=UTC)
    advance_and_die_before_the_flow_is_started_again(account, at)

    account.sweep(at + timedelta(minutes=15))
    assert account.flows()["ga4-1001-events"] == "Suspended"
    account.sweep(at + timedelta(minutes=45))

    assert account.flows()["ga4-1001-events"] == "Active"
    assert account.rows("SELECT * FROM ga4_ops.incidents WHERE kind = 'flow_deactivated'") == []


def test_flow_that_appflow_deactivated_is_not_started_by_moving_it_on(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.client("appflow").stop_flow(flowName="ga4-1001-events")

    advance(account, datetime(2026, 3, 12, 2, 30, tzinfo=UTC))

    assert account.flows()["ga4-1001-events"] == "Suspended"
    assert bounds(account) == (date_bound(date(2026, 3, 8)), date_bound(date(2026, 3, 11)))
