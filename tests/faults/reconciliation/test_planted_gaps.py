"""Rows that are lost or changed at each hop are found in one look, told once, and mended by Retry; nothing else is."""

# ruff: noqa: S608 - the tests' own names

from datetime import date, timedelta

import pytest

from dataflows.contracts.incidents import DataFlowIncidentChanged
from dataflows.contracts.reports import REPORTS
from tests.faults.reconciliation.statements import state
from tests.faults.remediation.scene import FIRST_DUE, Scene, make_bucket
from tests.warehouse.account import Account2
from tests.warehouse.requests import AT, data_flow
from warehouse.buttons import joined

pytestmark = pytest.mark.filterwarnings(
    r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"
)

DAY = date(2026, 3, 2)
LATER = AT + timedelta(minutes=15)
# By report: what goes wrong with it, and how it is told.
PLANTED = {
    "daily_totals": (
        "UPDATE ga4_ops.runs SET rows_delivered = 40 WHERE report = 'daily_totals'",
        "2026-01-01 to 2026-03-09: AppFlow delivered 40 rows, the warehouse took in or rejected 37 rows.",
    ),
    "traffic_acquisition": (
        f"DELETE FROM ga4_raw.traffic_acquisition WHERE date = '{DAY}'",
        f"{DAY}: the warehouse took in 1 row, its raw table holds 0 rows.",
    ),
    "pages": (
        f"UPDATE ga4_raw.pages SET event_count = event_count + 1 WHERE date = '{DAY}'",
        f"{DAY}: the warehouse took in 1 row, its raw table holds as many, with other sums.",
    ),
    "events": (
        f"DELETE FROM ga4_combined.events WHERE date = '{DAY}'",
        f"{DAY}: the warehouse had 1 row to unload, its combined table holds 0 rows.",
    ),
    "devices": (
        f"UPDATE ga4_combined.devices SET sessions = sessions - 1 WHERE date = '{DAY}'",
        f"{DAY}: the warehouse had 1 row to unload, its combined table holds as many, with other sums.",
    ),
}


def opened(scene: Scene) -> dict[str, DataFlowIncidentChanged]:
    """Return what was told as open, by report."""
    news = [item for item in scene.told if item.state == "open"]
    assert len({item.report for item in news}) == len(news)
    return {item.report: item for item in news}


@pytest.fixture
def all_reports(account: Account2) -> Scene:
    """Every declared report of property 1001, registered and loaded."""
    make_bucket()
    scene = Scene(account)
    account.send(data_flow(reports=[{"slug": slug} for slug in REPORTS]))
    scene.settle()
    scene.sweep(AT)
    assert scene.told == []
    return scene


def test_one_sweep_finds_what_is_planted_in_the_warehouse_and_retry_mends_it(all_reports: Scene) -> None:
    scene = all_reports
    for statement, _ in PLANTED.values():
        scene.account.execute(statement)

    scene.sweep(LATER)
    found = opened(scene)
    scene.sweep(LATER + timedelta(minutes=15))

    assert {report: news.message for report, news in found.items()} == {
        report: words for report, (_, words) in PLANTED.items()
    }
    assert len(scene.told) == len(PLANTED)
    assert {news.kind.value for news in scene.told} == {"counts_differ"}
    assert "Press Retry: these days are read" in found["events"].remedy

    for news in found.values():
        payload = {"ids": joined((news.run_id, str(news.incident_id), str(news.data_flow_id)))}
        assert scene.account.invoke("retry_run", payload)["outcome"] == "retried"
    scene.settle()
    scene.sweep(LATER + timedelta(minutes=30))

    assert {item["state"] for item in scene.incidents()} == {"resolved"}
    assert sorted(news.state.value for news in scene.told) == ["open"] * 5 + ["resolved"] * 5 + ["retrying"] * 5
    assert set(scene.requested_windows()) == {(DAY, DAY), (date(2026, 1, 1), date(2026, 3, 9))}


def test_rows_changed_in_mysql_are_told_until_a_count_is_equal(scene: Scene) -> None:
    state(scene, LATER, differing={DAY: (1, 0)})
    state(scene, LATER + timedelta(minutes=15), differing={DAY: (1, 0)})

    (news,) = scene.told
    assert (news.kind, news.start_date, news.end_date) == ("counts_differ", DAY, DAY)
    assert news.message == f"{DAY}: the loader loaded 1 row, MySQL holds 0 rows."

    state(scene, LATER + timedelta(minutes=30))

    assert scene.states() == ["open", "resolved"]
    assert scene.account.rows("SELECT * FROM ga4_ops.differences") == []


def test_statement_that_comes_after_a_newer_one_changes_nothing(scene: Scene) -> None:
    state(scene, LATER + timedelta(minutes=15), differing={DAY: (1, 0)})

    state(scene, LATER)

    assert scene.states() == ["open"]


@pytest.mark.parametrize("place", ["channel", "page"])
def test_retry_reads_and_unloads_exactly_the_days_that_differ(scene: Scene, place: str) -> None:
    days = [DAY, DAY + timedelta(2)]
    state(scene, LATER, differing=dict.fromkeys(days, (1, 1)))

    if place == "channel":
        answer = scene.press_retry()
        assert answer["message"] == "2026-03-02 to 2026-03-02, 2026-03-04 to 2026-03-04 of events is read again."
    else:
        scene.press_retry_on_the_page(LATER + timedelta(minutes=1))

    assert scene.requested_windows() == [(day, day) for day in days]
    assert scene.states() == ["open", "retrying"]
    state(scene, LATER + timedelta(minutes=15))
    assert scene.states() == ["open", "retrying", "resolved"]


def test_retry_that_does_not_help_opens_the_incident_again(scene: Scene) -> None:
    state(scene, LATER, differing={DAY: (1, 0)})
    scene.press_retry_on_the_page(LATER + timedelta(minutes=1))
    assert scene.states() == ["open", "retrying"]

    for hours in (1, 3):
        state(scene, LATER + timedelta(hours=hours), differing={DAY: (1, 0)})

    assert scene.states() == ["open", "retrying", "open"]


def test_unload_that_never_reaches_mysql_is_told_when_it_cannot_be_on_its_way_any_more(scene: Scene) -> None:
    state(scene, LATER, lost=[DAY])
    state(scene, LATER + timedelta(hours=1), lost=[DAY])
    assert scene.told == []

    state(scene, LATER + timedelta(hours=2), lost=[DAY])
    assert scene.told[-1].message == f"{DAY}: the warehouse unloaded 1 row, of which MySQL has loaded none."

    scene.press_retry()
    state(scene, LATER + timedelta(hours=2, minutes=15))
    assert scene.states() == ["open", "retrying", "resolved"]
    assert scene.requested_windows() == [(DAY, DAY)]


def test_failed_run_and_differing_counts_of_a_report_are_one_incident_at_a_time(scene: Scene) -> None:
    scene.fail_runs(1, "ConnectorAuthentication: PERMISSION_DENIED: no.")
    scene.run_daily()
    state(scene, FIRST_DUE + timedelta(minutes=5), differing={DAY: (1, 0)})

    assert [news.kind.value for news in scene.told] == ["run_failed"]


def test_run_that_fails_once_leaves_differing_counts_as_they_are(scene: Scene) -> None:
    state(scene, FIRST_DUE - timedelta(hours=1), differing={DAY: (1, 0)})
    scene.fail_runs(1)
    scene.run_daily()
    for minutes in range(15, 75, 15):
        scene.sweep(FIRST_DUE + timedelta(minutes=minutes))
    state(scene, FIRST_DUE + timedelta(minutes=90), differing={DAY: (1, 0)})

    assert [(news.kind.value, news.state.value) for news in scene.told] == [("counts_differ", "open")]
    assert {(item["kind"], item["state"]) for item in scene.incidents()} == {("counts_differ", "open")}


def test_first_message_of_an_incident_keeps_its_button(scene: Scene) -> None:
    state(scene, LATER, differing={DAY: (1, 0)})
    first = scene.retry_payload()

    outcomes = [scene.account.invoke("retry_run", first)["outcome"] for _ in range(3)]

    assert outcomes == ["retried"] * 3
    scene.settle()
    assert scene.requested_windows() == [(DAY, DAY)]


def test_statement_that_cannot_be_compared_holds_up_no_registration(scene: Scene) -> None:
    scene.account.execute("ALTER TABLE ga4_ops.differences RENAME TO gone")
    try:
        state(scene, LATER, differing={DAY: (1, 0)})
    finally:
        scene.account.execute("ALTER TABLE ga4_ops.gone RENAME TO differences")
    scene.account.send(data_flow(reports=[{"slug": "events"}], revision=2, state="paused"), LATER)

    assert scene.told == []
    assert len(scene.account.rows("SELECT revision FROM ga4_ops.data_flows WHERE revision = 2")) == 1


def test_statement_of_a_paused_data_flow_is_passed_over(scene: Scene) -> None:
    scene.account.send(data_flow(reports=[{"slug": "events"}], revision=2, state="paused"), AT + timedelta(minutes=5))

    state(scene, LATER, differing={DAY: (1, 0)})

    assert scene.told == []


def test_statement_of_another_property_is_passed_over(scene: Scene) -> None:
    state(scene, LATER, differing={DAY: (1, 0)}, property_id="1002")

    assert scene.told == []


def test_days_of_clean_runs_tell_nothing(scene: Scene) -> None:
    scene.sweep(LATER)
    state(scene, LATER)
    for passed in range(2):
        due_at = FIRST_DUE + timedelta(passed)
        scene.account.call("advance_windows", {"at": (due_at - timedelta(hours=2)).isoformat()})
        scene.run_daily(due_at)
        for minutes in (15, 30, 45):
            scene.sweep(due_at + timedelta(minutes=minutes))
        state(scene, due_at + timedelta(hours=1))

    assert scene.told == []
    assert scene.account.rows("SELECT * FROM ga4_ops.differences") == []


def test_generation_that_is_not_unloaded_yet_is_not_compared(scene: Scene) -> None:
    scene.account.execute(f"UPDATE ga4_ops.partitions SET unloaded_at = NULL WHERE date = '{DAY}'")

    for hours in range(0, 6, 2):
        state(scene, LATER + timedelta(hours=hours), lost=[DAY])

    assert scene.told == []
