"""Runs that fail: tried again by themselves, told once when that does not help, and over when the days are loaded."""

from datetime import date, timedelta

import pytest

from tests.faults.remediation.scene import FIRST_DUE, FLOW, Scene
from tests.warehouse.interruption import Died, dies_after
from tests.warehouse.requests import data_flow

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

HOURLY = timedelta(hours=1)
MARCH_7, MARCH_10 = date(2026, 3, 7), date(2026, 3, 10)


def test_failure_that_passes_is_mended_and_nobody_is_told(scene: Scene) -> None:
    scene.fail_runs(1)
    scene.run_daily()

    scene.sweep(FIRST_DUE + timedelta(minutes=15))

    assert scene.told == []
    assert MARCH_10 in scene.days_loaded()
    assert scene.requested_windows() == [(MARCH_7, MARCH_10)]
    assert [incident["state"] for incident in scene.incidents()] == ["resolved"]


@pytest.mark.slow
def test_failure_that_stays_is_told_once_after_the_last_try(scene: Scene) -> None:
    scene.fail_runs(4)
    scene.run_daily()

    scene.pass_until(FIRST_DUE + timedelta(hours=2, minutes=30))
    assert scene.told == []
    scene.pass_until(FIRST_DUE + timedelta(hours=5))

    (news,) = scene.told
    assert (news.state, news.kind, news.cause, news.attempts) == ("open", "run_failed", "transient", 3)
    assert (news.start_date, news.end_date, news.report) == (MARCH_7, MARCH_10, "events")
    assert news.message == "Connection reset by peer"
    assert "press Retry" in news.remedy


def test_retry_fills_the_gap_and_the_incident_is_over(scene: Scene) -> None:
    scene.fail_runs(4)
    scene.run_daily()
    scene.pass_until(FIRST_DUE + timedelta(hours=5), HOURLY)
    made = len(scene.requested_windows())

    assert scene.press_retry()["outcome"] == "retried"

    assert scene.states() == ["open", "retrying", "resolved"]
    assert {news.incident_id for news in scene.told} == {scene.told[0].incident_id}
    assert [news.requested_by for news in scene.told] == [None, "olivia", "olivia"]
    assert scene.requested_windows()[made:] == [(MARCH_7, MARCH_10)]
    assert MARCH_10 in scene.days_loaded()


def test_retry_that_fails_again_opens_the_same_incident_again(scene: Scene) -> None:
    scene.fail_runs(5)
    scene.run_daily()
    scene.pass_until(FIRST_DUE + timedelta(hours=5), HOURLY)

    scene.press_retry()
    assert scene.states() == ["open", "retrying", "open"]
    scene.press_retry("otto")

    assert scene.states() == ["open", "retrying", "open", "retrying", "resolved"]
    assert len({news.incident_id for news in scene.told}) == 1
    assert len({news.event_id for news in scene.told}) == 5


def test_same_trouble_the_next_day_is_told_no_second_time(scene: Scene) -> None:
    scene.fail_runs(100)
    scene.run_daily()
    scene.pass_until(FIRST_DUE + timedelta(hours=5), HOURLY)
    assert scene.states() == ["open"]

    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=5), 4 * HOURLY)

    assert scene.states() == ["open"]
    (incident,) = scene.incidents()
    assert (incident["start_date"], incident["end_date"]) == (MARCH_7, date(2026, 3, 11))


def test_events_that_were_dropped_are_made_up_for_by_the_sweep(scene: Scene) -> None:
    scene.account.services.appflow.faults.drop_events = 100
    scene.fail_runs(4)
    scene.run_daily()

    scene.pass_until(FIRST_DUE + timedelta(hours=9), HOURLY)  # each end is seen with the sweep after it

    assert scene.states() == ["open"]
    scene.press_retry()
    scene.pass_until(FIRST_DUE + timedelta(hours=10), HOURLY)
    assert scene.states() == ["open", "retrying", "resolved"]


@pytest.mark.parametrize(
    ("message", "cause"),
    [
        ("ConnectorAuthentication: invalid_grant: Token has been expired or revoked.", "authentication"),
        ("ConnectorAuthentication: PERMISSION_DENIED: User does not have sufficient permissions.", "permission"),
        ("Google Analytics answered 400 INVALID_ARGUMENT: Field x is not a valid metric.", "schema"),
    ],
)
def test_what_nobody_mends_by_waiting_is_told_at_once(scene: Scene, message: str, cause: str) -> None:
    scene.fail_runs(1, message)

    scene.run_daily()

    (news,) = scene.told
    assert (news.state, news.cause, news.attempts, news.message) == ("open", cause, 0, message)
    assert scene.requested_windows() == []


@pytest.mark.slow
def test_revoked_login_is_told_once_and_the_days_are_read_when_it_is_renewed(scene: Scene) -> None:
    scene.google(revoke_refresh_token="1//refresh")
    scene.run_daily()
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=2), 2 * HOURLY)
    assert scene.states() == ["open"]
    assert scene.told[0].cause == "authentication"
    assert "Google login" in scene.told[0].remedy

    scene.google(renew_refresh_token="1//refresh")
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=3))

    assert scene.states() == ["open", "retrying", "resolved"]
    assert {MARCH_10, date(2026, 3, 11)} <= scene.days_loaded()
    assert scene.requested_windows() == [(MARCH_7, date(2026, 3, 11))]


def test_quota_that_is_gone_is_tried_after_googles_midnight(scene: Scene) -> None:
    scene.account.advance_to(FIRST_DUE)
    scene.google(exhaust_quota="1001")
    scene.run_daily()
    assert scene.account.runs("due_at", "status = 'pending' AND kind = 'remedy'")[0][0].hour == 7  # at -07:00

    scene.pass_until(FIRST_DUE + timedelta(hours=4), HOURLY)

    assert scene.told == []
    assert MARCH_10 in scene.days_loaded()


def test_paused_warehouse_loses_nothing(scene: Scene) -> None:
    with scene.paused_warehouse():
        scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
        scene.account.wait_for_execution(FLOW)
        assert scene.account.sweep(FIRST_DUE + timedelta(minutes=30)) == ["0"]

    scene.pass_until(FIRST_DUE + timedelta(hours=2))

    assert scene.told == []
    assert MARCH_10 in scene.days_loaded()


def test_function_that_dies_at_any_step_leaves_one_incident_that_is_told(scene: Scene) -> None:
    scene.fail_runs(1, "ConnectorAuthentication: PERMISSION_DENIED: denied")
    scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
    ended = scene.account.wait_for_message("AppFlow End Flow Run Report")

    deaths = 0
    while True:
        try:
            with dies_after(deaths):
                assert scene.account.call("watch_runs", ended) == []
        except Died:
            deaths += 1
        else:
            break
    scene.settle()

    assert deaths > 4
    assert scene.states() == ["open"]
    assert len(scene.incidents()) == 1


@pytest.mark.slow
def test_many_reports_fail_for_one_reason_and_each_is_told_once(scene: Scene) -> None:
    reports = [{"slug": slug} for slug in ("daily_totals", "events", "pages", "devices")]
    scene.account.send(data_flow(reports=reports, revision=2))
    scene.settle()
    scene.google(revoke_refresh_token="1//refresh")
    scene.run_daily()

    assert sorted(news.report for news in scene.told) == ["daily_totals", "devices", "events", "pages"]
    calls = len(scene.account.appflow_calls())
    scene.sweep(FIRST_DUE + timedelta(minutes=20))
    probes = [name for name in scene.account.appflow_calls()[calls:] if name == "ListConnectorEntities"]
    assert len(probes) == 1

    scene.google(renew_refresh_token="1//refresh")
    scene.pass_until(FIRST_DUE + timedelta(hours=1))
    assert sorted(news.state for news in scene.told) == ["open"] * 4 + ["resolved"] * 4 + ["retrying"] * 4
