"""How runs are started, recorded and swept up after."""

from datetime import UTC, date, datetime, timedelta

import pytest

from tests.warehouse.account import Account2
from tests.warehouse.interruption import Died, dies_after, meanwhile
from tests.warehouse.requests import AT, data_flow, run_request

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

EVENTS = [{"slug": "events"}]
DUE_AT = datetime(2026, 3, 11, 4, tzinfo=UTC)
NEXT_DUE_AT = DUE_AT + timedelta(days=1)


def run_scheduled(account: Account2, due_at: datetime) -> None:
    """Let the flow of events run at its hour, and have its rows consumed."""
    account.advance_to(due_at + timedelta(seconds=5))
    account.watch(ended=1)
    account.consume("events")


def move_on_too_late(account: Account2) -> None:
    """Let the flow of events run at its next hour, and only then have it moved on to the dates of that run."""
    account.advance_to(NEXT_DUE_AT + timedelta(seconds=5))
    account.wait_for_execution("ga4-1001-events")
    account.advance_to(NEXT_DUE_AT + timedelta(minutes=1))
    account.call("advance_windows", {"at": (NEXT_DUE_AT - timedelta(hours=2)).isoformat()})


def test_backfill_lands_is_recorded_and_asks_for_a_refresh(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.answers()

    assert account.watch(ended=1) == []

    assert account.runs("kind, status, rows_delivered, rows_failed", "kind = 'backfill'") == [
        ("backfill", "succeeded", 37, 0)
    ]
    assert account.rows("SELECT COUNT(*) AS landed FROM ga4_landing.p1001_events") == [{"landed": 37}]
    assert account.flows() == {"ga4-1001-events": "Active"}
    assert [(answer["status"], answer["rows"]) for answer in account.distinct_answers()] == [
        ("started", 0),
        ("succeeded", 37),
    ]
    assert [message["report_table"] for message in account.messages("RefreshQueueUrl")] == ["events"]


def test_failed_run_is_answered_with_appflows_words(account: Account2) -> None:
    account.services.appflow.faults.fail_runs = 1
    account.services.appflow.faults.fail_message = "Connection reset"
    account.send(data_flow(reports=EVENTS))

    account.watch(ended=1)

    failed = account.distinct_answers()[-1]
    assert (failed["status"], failed["message"]) == ("failed", "Connection reset")
    assert account.runs("status, message", "kind = 'backfill'") == [("failed", "Connection reset")]
    assert account.messages("RefreshQueueUrl") == []
    assert account.flows() == {"ga4-1001-events": "Active"}


def test_failed_backfill_is_made_again_for_the_next_revision(account: Account2) -> None:
    account.services.appflow.faults.fail_runs = 1
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)

    account.send(data_flow(reports=EVENTS, revision=2))
    account.watch(ended=1)

    assert account.runs("status, rows_delivered", "kind = 'backfill'") == [("failed", 0), ("succeeded", 37)]


def test_records_that_could_not_be_put_are_counted(account: Account2) -> None:
    account.services.appflow.faults.partial_put_failures = 2
    account.send(data_flow(reports=EVENTS))

    account.watch(ended=1)

    assert account.runs("status, rows_delivered, rows_failed", "kind = 'backfill'") == [("succeeded", 35, 2)]


def test_same_event_twice_is_recorded_once(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.call("watch_runs", *account.messages("WatchQueueUrl"))
    ended = account.wait_for_message("AppFlow End Flow Run Report")

    assert account.call("watch_runs", ended) == []
    runs, answers = account.runs("run_id, status, ended_at"), account.distinct_answers()
    assert account.call("watch_runs", ended) == []

    assert account.runs("run_id, status, ended_at") == runs
    assert {answer["event_id"] for answer in account.answers()} <= {answer["event_id"] for answer in answers}


def test_runs_of_one_report_never_overlap(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS, start_date="2025-06-01"))
    assert len(account.runs(where="kind = 'backfill'")) == 4

    account.watch(ended=1)
    account.sweep()
    assert account.runs("status, start_date", "kind = 'backfill' AND status <> 'pending'") == [
        ("succeeded", date(2026, 3, 4))
    ]

    account.consume("events")
    account.watch()
    assert account.runs("status", "kind = 'backfill' AND status = 'started'") == []
    account.call("watch_runs", {"at": AT.isoformat()})
    assert account.runs("start_date", "status = 'started'") == [(date(2025, 12, 2),)]


def test_run_of_a_report_that_another_function_has_started_meanwhile_waits(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    (message,) = account.messages("WatchQueueUrl")

    def start_another() -> None:
        account.send(run_request())
        account.call("watch_runs", *account.messages("WatchQueueUrl"))

    with meanwhile("SET status = 'started'", start_another):
        assert account.call("watch_runs", message) == []

    assert account.runs("kind, status", "kind <> 'scheduled'") == [("backfill", "pending"), ("requested", "started")]


def test_no_more_runs_at_once_than_the_data_flow_may_have(account: Account2) -> None:
    reports = [{"slug": slug} for slug in ("daily_totals", "events", "pages", "devices", "traffic_acquisition")]
    custom = {"custom": {"name": "countries", "dimensions": ["country"], "metrics": ["sessions"]}}
    account.send(data_flow(reports=[*reports, custom]))

    account.call("watch_runs", *account.messages("WatchQueueUrl"))

    assert len(account.runs(where="status = 'started'")) == 5


def test_starter_that_died_leaves_no_run_behind(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    (message,) = account.messages("WatchQueueUrl")

    deaths = 0
    while True:
        try:
            with dies_after(deaths):
                assert account.call("watch_runs", message) == []
        except Died:
            deaths += 1
        else:
            break

    assert deaths > 4
    account.watch(ended=1)
    assert account.runs("status, rows_delivered", "kind = 'backfill'") == [("succeeded", 37)]
    assert account.rows("SELECT COUNT(*) AS landed FROM ga4_landing.p1001_events") == [{"landed": 37}]


def test_scheduled_run_takes_the_row_that_waits_for_it(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)

    account.advance_to(DUE_AT + timedelta(seconds=5))
    account.watch(ended=1)

    assert account.runs("kind, status, rows_delivered, start_date, end_date", "kind = 'scheduled'") == [
        ("scheduled", "succeeded", 3, date(2026, 3, 7), date(2026, 3, 10))
    ]


@pytest.mark.parametrize("call", ["status = 'pending'", "describe-flow-execution-records"])
def test_start_and_end_of_a_run_may_be_recorded_at_the_same_time(account: Account2, call: str) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    account.advance_to(DUE_AT + timedelta(seconds=5))
    ended = account.wait_for_message("AppFlow End Flow Run Report")
    changes = f"status = 'started', execution_id = '{ended['detail']['execution-id']}'"
    start = f"UPDATE ga4_ops.runs SET {changes} WHERE kind = 'scheduled'"  # noqa: S608

    with meanwhile(call, lambda: account.execute(start)):
        assert account.call("watch_runs", ended) == []

    assert account.runs("status, rows_delivered", "kind = 'scheduled'") == [("succeeded", 3)]


def test_scheduled_run_nobody_planned_is_recorded_with_the_flows_window(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    run_scheduled(account, DUE_AT)

    run_scheduled(account, NEXT_DUE_AT)

    assert account.runs("status, start_date, end_date", "kind = 'scheduled'") == [
        ("refreshed", date(2026, 3, 7), date(2026, 3, 10)),
        ("refreshed", date(2026, 3, 7), date(2026, 3, 10)),
    ]


def test_run_of_a_flow_moved_on_too_late_keeps_the_dates_it_read(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    run_scheduled(account, DUE_AT)
    move_on_too_late(account)

    account.watch(ended=1)

    assert account.runs("status, start_date, end_date, rows_delivered", "kind = 'scheduled'") == [
        ("pending", date(2026, 3, 8), date(2026, 3, 11), None),
        ("refreshed", date(2026, 3, 7), date(2026, 3, 10), 3),
        ("succeeded", date(2026, 3, 7), date(2026, 3, 10), 3),
    ]


def test_dates_of_a_flow_moved_on_too_late_are_read_by_a_flow_of_their_own(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    run_scheduled(account, DUE_AT)
    move_on_too_late(account)
    account.watch(ended=1)
    account.consume("events")

    assert account.sweep(NEXT_DUE_AT + timedelta(hours=4)) == []
    account.watch(ended=1)

    assert account.runs("status, start_date, end_date", "kind = 'requested' OR start_date = '2026-03-08'") == [
        ("failed", date(2026, 3, 8), date(2026, 3, 11)),
        ("succeeded", date(2026, 3, 8), date(2026, 3, 11)),
    ]


def test_run_that_cannot_be_looked_at_holds_up_no_other_part_of_the_sweep(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    account.messages("RefreshQueueUrl")
    changes = "status = 'started', execution_id = 'x', appflow_flow_name = 'no name of a flow'"
    account.execute(f"UPDATE ga4_ops.runs SET {changes} WHERE kind = 'scheduled'")  # noqa: S608

    assert account.sweep(AT + timedelta(hours=1)) == ["0"]

    assert [message["report_table"] for message in account.messages("RefreshQueueUrl")] == ["events"]


def test_sweep_finds_the_runs_whose_events_were_lost(account: Account2) -> None:
    account.services.appflow.faults.drop_events = 4
    account.send(data_flow(reports=EVENTS))
    account.watch()
    account.wait_for_execution("ga4-1001-events.")
    account.advance_to(DUE_AT + timedelta(seconds=5))
    account.wait_for_execution("ga4-1001-events")

    assert account.sweep(DUE_AT + timedelta(minutes=20)) == []

    assert account.runs("kind, status") == [("backfill", "succeeded"), ("scheduled", "succeeded")]
    assert account.flows() == {"ga4-1001-events": "Active"}
    assert {message["report_table"] for message in account.messages("RefreshQueueUrl")} == {"events"}


def test_flow_of_somebody_else_is_left_alone(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    detail = {"flow-name": "ga4-theirs", "execution-id": "1", "start-time": "2026-03-10T04:00:00.000Z[UTC]"}

    assert account.call("watch_runs", account.appflow_event("AppFlow End Flow Run Report", detail)) == []


def test_requested_run_is_made(account: Account2) -> None:
    account.send(data_flow(reports=EVENTS))
    account.watch(ended=1)
    account.consume("events")
    request = run_request()

    assert account.send(request) == []
    assert account.send(request) == []
    account.watch(ended=1)

    assert account.runs("status, start_date, end_date, rows_delivered", "kind = 'requested'") == [
        ("succeeded", date(2026, 2, 1), date(2026, 2, 3), 3)
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"reports": ["pages"]}, "no report pages"),
        ({"end_date": "2026-03-10"}, "not over yet"),
        ({"property_id": "1002"}, "not 1002"),
    ],
)
def test_request_that_cannot_be_is_refused(account: Account2, changes: dict[str, object], words: str) -> None:
    account.send(data_flow(reports=EVENTS))
    account.answers()

    assert account.send(run_request(**changes)) == []

    (answer,) = account.answers()
    assert answer["status"] == "failed"
    assert words in answer["message"]
    assert account.runs(where="kind = 'requested'") == []


def test_nothing_is_to_be_done_before_the_first_registration(account: Account2) -> None:
    assert account.sweep() == []
    assert account.call("watch_runs", {"at": DUE_AT.isoformat()}) == []
    assert account.call("advance_windows", {"at": DUE_AT.isoformat()}) == []
