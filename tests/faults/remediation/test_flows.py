"""Flows that stand still: deactivated by AppFlow, never started, days that nobody read or loaded."""

from datetime import date, timedelta

import pytest

from tests.faults.remediation.scene import FIRST_DUE, FLOW, REPORTS, Scene
from tests.warehouse.interruption import meanwhile
from tests.warehouse.requests import AT, data_flow, run_request

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

HOUR = timedelta(hours=1)
REVOKED = "ConnectorAuthentication: invalid_grant: Token has been expired or revoked."


def deactivate(scene: Scene) -> None:
    """Let AppFlow have deactivated the flow; nobody hears of it."""
    scene.account.client("appflow").stop_flow(flowName=FLOW)


def test_deactivated_flow_is_told_once_though_its_event_was_lost(scene: Scene) -> None:
    scene.google(revoke_refresh_token="1//refresh")
    scene.fail_runs(1, REVOKED)
    scene.run_daily()
    deactivate(scene)

    scene.sweep(FIRST_DUE + HOUR)
    scene.sweep(FIRST_DUE + 2 * HOUR)

    assert scene.states() == ["open"]
    (incident,) = scene.incidents()
    assert (incident["kind"], incident["cause"]) == ("flow_deactivated", "authentication")
    assert FLOW in incident["message"]
    assert scene.account.flows()[FLOW] == "Suspended"


def test_appflows_word_that_a_flow_is_deactivated_is_told_with_its_reason(scene: Scene) -> None:
    deactivate(scene)
    detail = {"flow-name": FLOW, "deactivation-reason": "3 runs failed in a row, the last one with: 503 UNAVAILABLE"}

    for _ in range(3):
        scene.account.call("watch_runs", scene.account.appflow_event("AppFlow Scheduled Flow Deactivated", detail))
    scene.settle()

    (news,) = scene.told
    assert (news.state, news.kind, news.cause) == ("open", "flow_deactivated", "transient")
    assert "503 UNAVAILABLE" in news.message


def test_flow_that_is_just_being_moved_on_is_not_deactivated_though_appflow_tells_that_it_stopped(scene: Scene) -> None:
    scene.account.services.appflow.faults.refuse_updates = 1  # so it is stopped meanwhile
    told = scene.account.appflow_event("AppFlow Scheduled Flow Deactivated", {"flow-name": FLOW})
    moving_on = {"at": (FIRST_DUE + 12 * HOUR).isoformat()}
    scene.run_daily()

    def tell() -> None:
        assert scene.account.call("watch_runs", told) == []

    with meanwhile("/start-flow", tell):
        assert scene.account.call("advance_windows", moving_on) == []
    scene.listen()

    assert scene.told == []
    assert scene.account.flows()[FLOW] == "Active"


def test_flow_that_is_moved_on_between_the_list_and_the_look_is_not_deactivated(scene: Scene) -> None:
    appflow = scene.account.client("appflow")
    arn = scene.account.flow(FLOW)["flowArn"]
    appflow.tag_resource(resourceArn=arn, tags={"myapp-stopped-at": AT.isoformat()})
    deactivate(scene)

    def end_the_change() -> None:
        appflow.start_flow(flowName=FLOW)
        appflow.untag_resource(resourceArn=arn, tagKeys=["myapp-stopped-at"])

    with meanwhile("/describe-flow", end_the_change):
        assert scene.account.sweep(AT + timedelta(minutes=5)) == []
    scene.listen()

    assert scene.told == []


def test_flow_that_a_registration_stops_between_the_list_and_the_look_is_not_deactivated(scene: Scene) -> None:
    deactivate(scene)

    def pause() -> None:
        scene.account.send(data_flow(reports=REPORTS, revision=2, state="paused"))

    with meanwhile("/describe-flow", pause):
        assert scene.account.sweep(AT + timedelta(minutes=5)) == []
    scene.listen()

    assert scene.told == []


def test_flow_that_was_deactivated_for_a_passing_cause_is_activated_and_its_days_are_read(scene: Scene) -> None:
    scene.fail_runs(3)
    scene.run_daily()
    deactivate(scene)

    scene.pass_until(FIRST_DUE + timedelta(minutes=20))
    assert scene.states() == ["open"]
    assert scene.account.flows()[FLOW] == "Suspended"
    scene.pass_until(FIRST_DUE + 4 * HOUR, HOUR)

    assert scene.account.flows()[FLOW] == "Active"
    assert (scene.states()[0], scene.states()[-1]) == ("open", "resolved")
    assert date(2026, 3, 10) in scene.days_loaded()


@pytest.mark.slow
def test_deactivated_flow_is_activated_when_its_login_is_renewed_and_days_missed_are_read(scene: Scene) -> None:
    scene.google(revoke_refresh_token="1//refresh")
    scene.run_daily()
    deactivate(scene)
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=4), 2 * HOUR)
    assert scene.states() == ["open"]
    assert scene.account.flows()[FLOW] == "Suspended"
    (incident,) = scene.incidents()
    assert (incident["cause"], incident["end_date"]) == ("authentication", date(2026, 3, 11))

    scene.google(renew_refresh_token="1//refresh")
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=6), HOUR)

    assert scene.account.flows()[FLOW] == "Active"
    assert scene.states() == ["open", "retrying", "resolved"]
    assert {date(2026, 3, 10), date(2026, 3, 11)} <= scene.days_loaded()


def test_retry_activates_a_deactivated_flow(scene: Scene) -> None:
    scene.fail_runs(1, REVOKED)
    scene.run_daily()
    deactivate(scene)
    scene.sweep(FIRST_DUE + timedelta(minutes=5))

    assert scene.press_retry()["outcome"] == "retried"

    assert scene.account.flows()[FLOW] == "Active"
    assert scene.states() == ["open", "retrying", "resolved"]
    assert date(2026, 3, 10) in scene.days_loaded()


def test_flow_of_a_paused_data_flow_is_no_incident(scene: Scene) -> None:
    scene.account.send(data_flow(reports=REPORTS, revision=2, state="paused"))

    scene.sweep(FIRST_DUE + 5 * HOUR)

    assert scene.incidents() == []


def test_run_that_appflow_never_began_is_made_apart(scene: Scene) -> None:
    deactivate(scene)
    scene.account.advance_to(FIRST_DUE + HOUR)
    scene.account.client("appflow").start_flow(flowName=FLOW)

    scene.sweep(FIRST_DUE + 4 * HOUR)

    assert scene.account.runs("start_date, end_date, status, requested_by", "kind = 'remedy'") == [
        (date(2026, 3, 7), date(2026, 3, 10), "succeeded", None)
    ]
    assert date(2026, 3, 10) in scene.days_loaded()
    assert scene.told == []


def test_days_that_nobody_read_are_read_and_no_others(scene: Scene) -> None:
    scene.run_daily()
    gap = "date IN ('2026-02-10', '2026-02-11', '2026-03-01')"
    scene.account.execute(f"DELETE FROM ga4_ops.partitions WHERE {gap}")  # noqa: S608

    scene.sweep(FIRST_DUE + timedelta(hours=6, minutes=1))

    assert scene.requested_windows() == [
        (date(2026, 2, 10), date(2026, 2, 11)),
        (date(2026, 3, 1), date(2026, 3, 1)),
    ]
    assert {date(2026, 2, 10), date(2026, 2, 11), date(2026, 3, 1)} <= scene.days_loaded()
    assert scene.told == []


def test_rows_that_are_read_and_not_loaded_are_late(scene: Scene) -> None:
    scene.run_daily()
    scene.account.execute("UPDATE ga4_ops.partitions SET unloaded_at = NULL WHERE date = '2026-03-10'")
    at = FIRST_DUE + timedelta(hours=6, minutes=1)
    scene.account.advance_to(at)
    scene.account.sweep(at)
    scene.listen()

    (news,) = scene.told
    assert (news.state, news.kind, news.run_id) == ("open", "data_late", None)
    assert (news.start_date, news.end_date) == (date(2026, 3, 10), date(2026, 3, 10))
    assert "lie in the warehouse, but are not loaded" in news.message
    assert "unload" in news.remedy

    scene.settle()
    assert scene.states() == ["open", "resolved"]


def test_days_of_a_run_whose_rows_nobody_took_in_say_that_nothing_came(scene: Scene) -> None:
    scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
    scene.account.watch(ended=1)

    scene.account.sweep(FIRST_DUE + timedelta(hours=6, minutes=1))
    scene.listen()

    (news,) = scene.told
    assert (news.kind, news.message.split(":")[0]) == ("data_late", "AppFlow has run, but nothing came")
    assert "refresh" in news.remedy


def test_days_whose_run_does_not_end_say_that_appflow_has_not_run(scene: Scene) -> None:
    scene.run_daily()
    never_ends = "status = 'started', started_at = due_at, execution_id = 'x', ended_at = NULL, consumed_at = NULL"
    scene.account.execute(f"UPDATE ga4_ops.runs SET {never_ends} WHERE kind = 'scheduled'")  # noqa: S608
    scene.account.execute("DELETE FROM ga4_ops.partitions WHERE date = '2026-03-10'")

    scene.sweep(FIRST_DUE + timedelta(hours=6, minutes=1))

    (news,) = scene.told
    assert (news.kind, news.message.split(":")[0]) == ("data_late", "AppFlow has not run")
    assert "run history in AppFlow" in news.remedy


def test_clean_days_raise_no_alarm(scene: Scene) -> None:
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=8), 3 * HOUR)

    assert scene.told == []
    assert scene.incidents() == []
    assert scene.requested_windows() == []


def test_days_that_are_just_being_read_again_are_not_late(scene: Scene) -> None:
    scene.pass_until(FIRST_DUE + timedelta(days=1, hours=7), 3 * HOUR)
    at = FIRST_DUE + timedelta(days=1, hours=8)
    scene.account.execute(f"UPDATE ga4_ops.partitions SET unloaded_at = NULL, refreshed_at = '{at:%Y-%m-%d %H:%M}'")  # noqa: S608

    scene.account.sweep(at)
    scene.listen()

    assert scene.told == []


def test_backfill_on_the_data_flows_page_counts_as_the_retry(scene: Scene) -> None:
    scene.fail_runs(1, REVOKED)
    scene.run_daily()
    asked = {"start_date": "2026-03-07", "end_date": "2026-03-10", "requested_by": "otto"}

    assert scene.account.send(run_request(**asked), FIRST_DUE + timedelta(minutes=5)) == []
    scene.settle()

    assert scene.states() == ["open", "retrying", "resolved"]
    assert scene.told[1].requested_by == "otto"


def test_backfill_activates_a_flow_that_was_deactivated(scene: Scene) -> None:
    deactivate(scene)
    scene.sweep(AT + timedelta(minutes=20))
    assert scene.states() == ["open"]

    scene.account.send(run_request(start_date="2026-03-07", end_date="2026-03-09"), AT + timedelta(minutes=21))
    scene.settle()

    assert scene.account.flows()[FLOW] == "Active"
    assert scene.states() == ["open", "retrying", "resolved"]


def test_incident_of_a_data_flow_that_is_removed_is_over(scene: Scene) -> None:
    scene.fail_runs(1, REVOKED)
    scene.run_daily()

    scene.account.send(data_flow(reports=REPORTS, revision=2, state="removed"), FIRST_DUE + HOUR)
    scene.sweep(FIRST_DUE + 2 * HOUR)

    assert scene.states() == ["open", "resolved"]
