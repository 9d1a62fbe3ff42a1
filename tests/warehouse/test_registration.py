"""What registration makes of a request, and of the same request again."""

from bisect import bisect
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import RegisterDataFlow, check_size
from dataflows.contracts.plan import PLAN_VERSION, date_bound, make_plan
from tests.dataflows.contracts.definitions import filters_of
from tests.warehouse.account import Account2
from tests.warehouse.interruption import Died, dies_after
from tests.warehouse.requests import AT, data_flow, days_counted, envelope, run_request

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

FLOWS = {"ga4-1001-daily_totals": "Active", "ga4-1001-events": "Active"}
STEPS = ["received", "schema_ready", "flows_created", "active"]


def test_new_data_flow_gets_tables_flows_and_runs(account: Account2) -> None:
    assert account.send(data_flow()) == []

    assert account.statuses() == STEPS
    assert account.tables() == {table.qualified_name for table in make_plan(data_flow()).tables}
    assert account.flows() == FLOWS
    assert account.runs("kind, report, start_date, end_date, status, due_at") == [
        ("backfill", "daily_totals", date(2026, 1, 1), date(2026, 3, 9), "pending", None),
        ("backfill", "events", date(2026, 1, 1), date(2026, 3, 9), "pending", None),
        ("scheduled", "daily_totals", date(2026, 3, 7), date(2026, 3, 10), "pending", at_hour(4)),
        ("scheduled", "events", date(2026, 3, 7), date(2026, 3, 10), "pending", at_hour(4)),
    ]
    assert account.messages("WatchQueueUrl")[0]["data_flow_id"] == str(data_flow().data_flow_id)


def test_flow_reads_its_next_runs_window_at_the_propertys_hour(account: Account2) -> None:
    account.send(data_flow())

    flow = account.flow("ga4-1001-events")
    assert flow["triggerConfig"]["triggerProperties"]["Scheduled"]["scheduleExpression"] == "cron(0 4 * * ? *)"
    assert window(flow) == (date(2026, 3, 7), date(2026, 3, 10))


def test_appflow_and_refresh_may_work_on_the_tables_and_no_more(account: Account2) -> None:
    account.send(data_flow())

    rights = account.rows(
        "SELECT DISTINCT split_part(grantee, '-', 2) AS who, privilege_type AS what "
        "FROM information_schema.table_privileges WHERE table_schema = 'ga4_landing' AND grantee NOT LIKE '%-ddl'"
    )
    assert {(right["who"], right["what"]) for right in rights} == {
        ("appflow", "INSERT"),
        ("appflow", "SELECT"),
        ("refresh", "SELECT"),
        ("refresh", "DELETE"),
    }


def test_same_event_again_changes_nothing_and_answers_again(account: Account2) -> None:
    event = data_flow()
    account.send(event)
    first, runs, calls = account.answers(), account.runs("run_id, status"), len(account.appflow_calls())

    assert account.send(event, AT + timedelta(days=1)) == []

    again = account.answers()
    assert [answer["event_id"] for answer in again] == [first[-1]["event_id"]]
    assert account.runs("run_id, status") == runs
    assert account.appflow_calls()[calls:] == []


def test_older_revision_after_a_newer_one_is_ignored(account: Account2) -> None:
    account.send(data_flow(revision=2, reports=[{"slug": "daily_totals"}]))
    account.answers()

    account.send(data_flow(revision=1))

    (answer,) = account.answers()
    assert (answer["status"], answer["revision"], answer["reason"]) == ("ignored", 1, "older_revision")
    assert account.flows() == {"ga4-1001-daily_totals": "Active"}


def test_newer_revision_converges_flows_and_runs(account: Account2) -> None:
    account.send(data_flow())
    account.send(data_flow(revision=2, refresh_hour_local=7, reports=[{"slug": "daily_totals"}, {"slug": "pages"}]))

    assert account.statuses() == [*STEPS, *STEPS]
    assert account.flows() == {"ga4-1001-daily_totals": "Active", "ga4-1001-pages": "Active"}
    assert account.runs("report, kind, due_at") == [
        ("daily_totals", "backfill", None),
        ("daily_totals", "scheduled", at_hour(6)),
        ("pages", "backfill", None),
        ("pages", "scheduled", at_hour(6)),
    ]
    assert account.rows("SELECT revision, step FROM ga4_ops.data_flows") == [{"revision": 2, "step": "done"}]


def test_new_flow_costs_two_calls_and_an_unchanged_one_a_single(account: Account2) -> None:
    account.send(data_flow())
    assert account.appflow_calls("ga4-") == ["CreateFlow", "StartFlow"] * 2

    before = len(account.appflow_calls("ga4-"))
    account.send(data_flow(revision=2))
    assert account.appflow_calls("ga4-")[before:] == ["DescribeFlow"] * 2


@pytest.mark.parametrize("state", ["active", "paused", "removed"])
def test_stopped_after_any_step_it_converges(account: Account2, state: str) -> None:
    if state != "active":
        account.send(data_flow(reports=[{"slug": "events"}]))
        account.answers()
    event = data_flow(revision=2, state=state, reports=[{"slug": "events"}])

    deaths = 0
    while _dies(account, event, deaths):
        deaths += 1

    assert deaths > 8
    assert (
        account.flows()
        == {"active": {"ga4-1001-events": "Active"}, "paused": {"ga4-1001-events": "Suspended"}, "removed": {}}[state]
    )
    backfill, scheduled = ("events", "backfill", "pending"), ("events", "scheduled", "pending")
    assert account.runs() == {"active": [backfill, scheduled], "paused": [backfill], "removed": []}[state]
    assert account.rows("SELECT revision, state, step FROM ga4_ops.data_flows") == [
        {"revision": 2, "state": state, "step": "done"}
    ]
    assert account.statuses()[-1] == state


def _dies(account: Account2, event: Any, requests: int) -> bool:
    try:
        with dies_after(requests):
            assert account.send(event) == []
    except Died:
        return True
    return False


def test_paused_data_flow_stops_and_resumes(account: Account2) -> None:
    account.send(data_flow())
    account.send(data_flow(revision=2, state="paused"))
    assert set(account.flows().values()) == {"Suspended"}
    assert account.runs(where="kind = 'scheduled'") == []

    account.send(data_flow(revision=3), AT + timedelta(days=10))

    assert account.flows() == FLOWS
    assert account.statuses()[-1] == "active"
    assert {end for (end,) in account.runs("end_date", "kind = 'backfill'")} == {date(2026, 3, 19)}


def test_removed_data_flow_leaves_no_flow_but_its_data(account: Account2) -> None:
    account.send(data_flow())
    account.call("watch_runs", *account.messages("WatchQueueUrl"))
    assert account.runs("status", "kind = 'backfill'") == [("started",), ("started",)]

    account.send(data_flow(revision=2, state="removed"))

    assert account.flows() == {}
    assert account.runs("status") == [("failed",), ("failed",)]
    assert "ga4_raw.events" in account.tables()
    assert account.statuses()[-1] == "removed"


def test_property_of_another_data_flow_is_refused(account: Account2) -> None:
    account.send(data_flow())
    account.answers()

    account.send(data_flow(data_flow_id="00000000-0000-4000-8000-000000000001"))

    (answer,) = account.answers()
    assert (answer["status"], answer["reason"]) == ("failed", "property_taken")


@pytest.mark.parametrize("property_id", ["G-ABC123", "UA-1-1", "1; DROP TABLE x"])
def test_what_is_no_property_id_is_refused_with_help(account: Account2, property_id: str) -> None:
    detail = data_flow().model_dump(mode="json")
    detail["property"]["property_id"] = property_id

    assert account.call("register_data_flow", envelope("RegisterDataFlow", detail, AT)) == []

    (answer,) = account.answers()
    assert (answer["status"], answer["reason"]) == ("failed", "invalid_property_id")
    assert "Admin > Property settings" in answer["message"]
    assert account.tables() == set()
    assert account.appflow_calls() == []


@pytest.mark.parametrize("letter", ["\\", "'", "😀"])
def test_largest_definition_that_is_taken_is_kept_whoever_asks_for_it(account: Account2, letter: str) -> None:
    too_many = bisect(range(40_000), False, key=lambda letters: _is_refused(letters, letter))
    event = data_flow(
        **_filtered(too_many - 1, letter), requested_by="\\" * 150, plan_version=10**6, plan_hash="0" * 64
    )

    account.send(event)

    (kept,) = account.rows("SELECT definition FROM ga4_ops.data_flows")
    assert RegisterDataFlow.model_validate_json(kept["definition"]) == event
    (answer,) = account.answers()
    assert (answer["status"], answer["reason"]) == ("failed", "plan_outdated")


def _filtered(letters: int, letter: str) -> dict[str, Any]:
    return {"reports": [{"slug": "events"}], "filters": filters_of(letters, letter)}


def _is_refused(letters: int, letter: str) -> bool:
    try:
        check_size(data_flow(**_filtered(letters, letter)))
    except InvalidDataFlowError:
        return True
    return False


def test_request_that_meets_a_defect_is_answered_and_holds_up_nobody(account: Account2) -> None:
    account.send(data_flow())
    account.execute("UPDATE ga4_ops.data_flows SET definition = '{}'")
    account.answers()

    account.services.google.add_properties(["1104"])
    requests = [data_flow(revision=2), run_request(), days_counted(), data_flow(property_id="1104")]
    bodies = [envelope(type(asked).__name__, asked.model_dump(mode="json"), AT) for asked in requests]
    assert account.call("register_data_flow", *bodies) == []

    told = account.answers()
    assert [(answer["status"], answer.get("reason")) for answer in told[:2]] == [("failed", "defect"), ("failed", None)]
    assert all("not tried again" in answer["message"] for answer in told[:2])
    assert [answer["status"] for answer in told[2:]] == STEPS


def test_plan_other_than_the_approved_one_is_refused(account: Account2) -> None:
    account.send(data_flow(plan_version=PLAN_VERSION, plan_hash="0" * 64))

    (answer,) = account.answers()
    assert (answer["status"], answer["reason"]) == ("failed", "plan_hash_changed")
    assert account.flows() == {}


def test_property_the_profile_does_not_show_is_refused(account: Account2) -> None:
    account.send(data_flow(property_id="9009"))

    answer = account.answers()[-1]
    assert (answer["status"], answer["reason"]) == ("failed", "property_not_found")
    assert account.flows() == {}


def test_profile_is_asked_once_what_it_shows_and_again_for_a_property_it_did_not_show(account: Account2) -> None:
    account.services.google.add_properties(["1101", "1102"])
    account.send(data_flow(property_id="1101"))

    before = len(account.appflow_calls())
    account.send(data_flow(property_id="1102"))
    assert "ListConnectorEntities" not in account.appflow_calls()[before:]

    account.services.google.add_properties(["1103"])
    account.send(data_flow(property_id="1103"))
    assert account.statuses()[-1] == "active"


def test_table_that_differs_is_named(account: Account2) -> None:
    account.send(data_flow())
    account.execute("ALTER TABLE ga4_raw.events ADD COLUMN surprise integer")

    account.send(data_flow(revision=2))

    answer = account.answers()[-1]
    assert (answer["status"], answer["reason"]) == ("failed", "table_differs")
    assert "ga4_raw.events" in answer["message"]
    assert "surprise" in answer["message"]


def at_hour(hour: int) -> datetime:
    """Return an hour (UTC) of the day after, as the database has it."""
    return datetime(2026, 3, 11, hour, tzinfo=UTC).replace(tzinfo=None)


def window(flow: dict[str, Any]) -> tuple[date, date]:
    """Return the dates of a described flow's filter."""
    (bounds,) = [task["taskProperties"] for task in flow["tasks"] if "LOWER_BOUND" in task["taskProperties"]]
    days = {date_bound(day): day for day in (date(2026, 1, 1) + timedelta(n) for n in range(400))}
    return days[bounds["LOWER_BOUND"]], days[bounds["UPPER_BOUND"]]


@pytest.mark.parametrize("detail_type", ["RegisterDataFlow", "RunDataFlow"])
def test_event_that_says_nothing_does_not_hold_up_those_behind_it(account: Account2, detail_type: str) -> None:
    account.send(data_flow())
    nothing = envelope(detail_type, {"data_flow_id": "?"}, AT)
    assert account.call("register_data_flow", nothing) == []
    assert account.statuses() == STEPS


def test_changed_lookback_changes_the_next_scheduled_run(account: Account2) -> None:
    account.send(data_flow(reports=[{"slug": "events"}]))

    account.send(data_flow(reports=[{"slug": "events"}], revision=2, lookback_days=2))

    assert account.runs("start_date, end_date", "kind = 'scheduled'") == [(date(2026, 3, 9), date(2026, 3, 10))]


@pytest.mark.parametrize(
    ("asked", "carried_out", "next_window"),
    [
        ((4, 1), (4, 1), (date(2026, 3, 10), date(2026, 3, 11))),
        ((3, 50), (4, 20), (date(2026, 3, 9), date(2026, 3, 10))),
    ],
)
def test_run_that_is_due_is_kept_for_the_news_of_it(
    account: Account2, asked: tuple[int, int], carried_out: tuple[int, int], next_window: tuple[date, date]
) -> None:
    account.send(data_flow(reports=[{"slug": "events"}]))

    account.services.clock.set(datetime(2026, 3, 11, *carried_out, tzinfo=UTC))
    at = datetime(2026, 3, 11, *asked, tzinfo=UTC)
    account.send(data_flow(reports=[{"slug": "events"}], revision=2, lookback_days=2), at=at)

    assert account.runs("start_date, end_date", "kind = 'scheduled'") == [
        (date(2026, 3, 7), date(2026, 3, 10)),
        next_window,
    ]


@pytest.mark.parametrize("revision", [None, [1], {}, 1e400])
def test_request_without_a_readable_revision_holds_up_no_other(account: Account2, revision: Any) -> None:
    detail = {**data_flow().model_dump(mode="json"), "revision": revision}

    assert account.call("register_data_flow", envelope("RegisterDataFlow", detail, AT)) == []

    assert account.answers() == []


def test_each_day_is_followed_under_an_id_of_its_own(account: Account2) -> None:
    event = data_flow()
    account.send(event)

    scheduled = {found for (found,) in account.runs("correlation_id", "kind = 'scheduled'")}
    backfill = {found for (found,) in account.runs("correlation_id", "kind = 'backfill'")}

    assert backfill == {str(event.correlation_id)}
    assert len(scheduled) == 1
    assert scheduled != backfill


def test_report_taken_out_of_a_paused_data_flow_loses_its_flow(account: Account2) -> None:
    account.send(data_flow())
    account.send(data_flow(revision=2, state="paused"))

    account.send(data_flow(revision=3, state="paused", reports=[{"slug": "events"}]))

    assert account.flows() == {"ga4-1001-events": "Suspended"}
