"""What follows from failures, whatever comes in between: each is decided of once, in its time, and none is lost."""

from datetime import date, timedelta

import pytest

from tests.faults.remediation.scene import FIRST_DUE, REPORTS, Scene
from tests.warehouse.account import Context, queue_event
from tests.warehouse.interruption import meanwhile
from tests.warehouse.requests import data_flow, run_request

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

DENIED = "ConnectorAuthentication: PERMISSION_DENIED: User does not have sufficient permissions."
NO_METRIC = "Google Analytics answered 400 INVALID_ARGUMENT: Field x is not a valid metric."
MINUTES_5, MINUTES_15 = timedelta(minutes=5), timedelta(minutes=15)
HOURLY = timedelta(hours=1)
NEXT_DUE = FIRST_DUE + timedelta(days=1)


def test_records_that_fail_at_every_reading_are_told_after_the_second(scene: Scene) -> None:
    scene.account.services.appflow.faults.partial_put_failures = 10_000
    scene.run_daily()

    scene.pass_until(FIRST_DUE + timedelta(hours=3), HOURLY)

    assert scene.states() == ["open"]
    assert "Reading the dates again did not help" in scene.told[0].message
    assert scene.account.runs("kind", "kind NOT IN ('scheduled', 'backfill')") == [("reread",)]


def test_second_reading_that_fails_goes_on_counting_where_the_tries_before_it_stopped(scene: Scene) -> None:
    faults = scene.account.services.appflow.faults
    scene.fail_runs(1)
    scene.run_daily()
    faults.partial_put_failures = 1  # the try by itself brings a part: it is read again, and that fails, too
    scene.account.advance_to(FIRST_DUE + MINUTES_15)
    scene.account.sweep(FIRST_DUE + MINUTES_15)
    scene.account.watch(ended=1)
    scene.fail_runs(100)

    scene.pass_until(FIRST_DUE + timedelta(hours=5), HOURLY)

    assert scene.states() == ["open"]
    assert scene.told[0].attempts == 3
    assert scene.account.runs("kind", "kind NOT IN ('scheduled', 'backfill')") == [("remedy",)] * 3 + [("reread",)]


def test_failure_that_is_decided_while_the_incident_ends_is_told_as_one_of_its_own(scene: Scene) -> None:
    scene.fail_runs(1, NO_METRIC)
    scene.run_daily()
    scene.fail_runs(1, NO_METRIC)
    scene.account.advance_to(NEXT_DUE + timedelta(seconds=5))
    end = "UPDATE ga4_ops.incidents SET state = 'resolved', changed_at = changed_at + INTERVAL '1 second'"

    with meanwhile("INSERT INTO ga4_ops.incident_runs", lambda: scene.account.execute(end)):
        scene.account.watch(ended=1)
    scene.settle()

    assert [incident["state"] for incident in scene.incidents()] == ["resolved", "open"]
    assert scene.states() == ["open", "open"]
    assert len({news.incident_id for news in scene.told}) == 2


def test_failure_that_is_decided_while_somebody_retries_takes_nothing_back(scene: Scene) -> None:
    scene.fail_runs(1, NO_METRIC)
    scene.run_daily()
    scene.fail_runs(1, NO_METRIC)
    scene.account.advance_to(NEXT_DUE + timedelta(seconds=5))
    payload = scene.retry_payload()

    with meanwhile("INSERT INTO ga4_ops.incident_runs", lambda: scene.account.invoke("retry_run", payload)):
        scene.account.watch(ended=1)
    scene.settle()

    assert scene.states()[:2] == ["open", "retrying"]
    assert date(2026, 3, 10) in scene.days_loaded()
    assert len({news.incident_id for news in scene.told}) == 1


def test_failure_that_many_functions_decide_at_once_is_told_once(scene: Scene) -> None:
    scene.account.services.appflow.faults.drop_events = 100
    scene.fail_runs(1, DENIED)
    scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
    scene.account.wait_for_execution("ga4-1001-events")
    at = FIRST_DUE + timedelta(minutes=16)

    scene.account.invoke_at_once("watch_runs", queue_event({"sweep": True, "at": at.isoformat()}), 4)
    scene.settle()

    assert scene.states() == ["open"]
    assert len(scene.incidents()) == 1


def test_try_waits_its_time_though_incidents_are_looked_at_before_it_is_decided_of(scene: Scene) -> None:
    scene.fail_runs(1)
    scene.run_daily()
    fails = f"status = 'failed', ended_at = '{FIRST_DUE + MINUTES_5:%Y-%m-%d %H:%M}', message = 'Connection reset'"
    fail = f"UPDATE ga4_ops.runs SET {fails} WHERE kind = 'remedy' AND status = 'pending'"  # noqa: S608

    with meanwhile("troubled_id", lambda: scene.account.execute(fail)):
        scene.account.sweep(FIRST_DUE + MINUTES_5)
    assert scene.account.runs("status", "kind = 'remedy'") == [("failed",)]
    scene.account.sweep(FIRST_DUE + timedelta(minutes=6))

    (due_at,) = scene.account.runs("due_at", "kind = 'remedy' AND status = 'pending'")[0]
    assert due_at == (FIRST_DUE + timedelta(minutes=36)).replace(tzinfo=None)


def test_days_that_fail_are_not_read_again_each_time_others_are_loaded(scene: Scene) -> None:
    scene.fail_runs(1, NO_METRIC)
    scene.run_daily()
    for minutes in (4, 8):
        scene.account.send(run_request(), FIRST_DUE + timedelta(minutes=minutes))
        scene.settle()
    assert scene.states() == ["open"]

    scene.fail_runs(1, NO_METRIC)
    scene.sweep(FIRST_DUE + timedelta(minutes=16))
    assert scene.states() == ["open", "retrying", "open"]
    scene.account.send(run_request(), FIRST_DUE + timedelta(minutes=20))
    scene.pass_until(FIRST_DUE + timedelta(hours=8), 2 * HOURLY)

    assert scene.states() == ["open", "retrying", "open"]
    scene.pass_until(FIRST_DUE + timedelta(hours=9), HOURLY)
    assert scene.states() == ["open", "retrying", "open", "retrying", "resolved"]


def test_connection_is_asked_what_it_shows_once_a_look_for_all_its_data_flows(scene: Scene) -> None:
    scene.account.services.google.add_properties(["700001"])
    scene.account.send(data_flow(property_id="700001", reports=REPORTS))
    scene.settle()
    scene.google(revoke_refresh_token="1//refresh")
    scene.run_daily()
    assert scene.states() == ["open", "open"]
    scene.google(renew_refresh_token="1//refresh")
    calls = len(scene.account.appflow_calls())

    scene.account.sweep(FIRST_DUE + timedelta(minutes=20))

    asked = scene.account.appflow_calls()[calls:]
    assert asked.count("DescribeConnectorEntity") == 2
    assert asked.count("ListConnectorEntities") == 2  # the kinds of report, and the properties of one


def test_sweep_that_runs_out_of_time_tells_what_is_decided_and_leaves_the_rest_to_the_next(scene: Scene) -> None:
    scene.fail_runs(1, DENIED)
    scene.run_daily()
    scene.account.execute("UPDATE ga4_ops.incidents SET told_at = NULL")
    scene.account.execute("UPDATE ga4_ops.incident_runs SET decided_at = NULL")
    undecided = "SELECT 1 FROM ga4_ops.incident_runs WHERE decided_at IS NULL"

    scene.account.context = Context(remaining_millis=40_000)
    assert scene.account.sweep(FIRST_DUE + MINUTES_5) == []
    assert scene.incidents()[0]["told_at"] is not None
    assert scene.account.rows(undecided)

    scene.account.context = Context()
    scene.sweep(FIRST_DUE + timedelta(minutes=6))
    assert scene.account.rows(undecided) == []
    assert scene.states() == ["open"]
