"""Each trouble is told once, in words that help, where people look; Retry there reads just what is missing."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from deploy.local.chatbot.pages import ChatPage
from tests.aws import ACCOUNT_2
from tests.dataflows.conftest import operator
from tests.faults.remediation.places import Places, chat_page
from tests.faults.remediation.scene import FIRST_DUE, FLOW, REPORTS, Scene
from tests.slow import marked_slow
from tests.warehouse.account import left_account
from tests.warehouse.requests import data_flow

__all__ = ["operator"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

HOUR = timedelta(hours=1)
UNAVAILABLE = "Google Analytics answered 503 UNAVAILABLE: The service is currently unavailable."


@dataclass(frozen=True)
class Trouble:
    """What goes wrong until somebody is told, how it is mended, and what both places say of it."""

    happens: Callable[[Scene], None]
    is_mended: Callable[[Scene], None]
    title: str
    message: str
    remedy: str
    first_day: date = date(2026, 3, 7)
    last_day: date = date(2026, 3, 10)


def run_fails_at_every_try(scene: Scene) -> None:
    scene.fail_runs(4)
    scene.run_daily()
    scene.pass_until(FIRST_DUE + 5 * HOUR, HOUR)


def event_of_a_failed_run_is_dropped(scene: Scene) -> None:
    scene.account.services.appflow.faults.drop_events = 100
    scene.fail_runs(1, "Google Analytics answered 400 INVALID_ARGUMENT: Field x is not a valid metric.")
    scene.run_daily()
    scene.sweep(FIRST_DUE + timedelta(minutes=20))


def flow_is_deactivated(scene: Scene) -> None:
    """Each daily run fails, and what is read again by itself works: AppFlow counts the flow's own runs alone."""
    for day in range(3):
        scene.fail_runs(1, UNAVAILABLE)
        scene.run_daily(FIRST_DUE + timedelta(days=day))
        if day < 2:
            scene.pass_until(FIRST_DUE + timedelta(days=day, hours=23), 12 * HOUR)
    assert scene.account.flows()[FLOW] == "Suspended"


def login_is_revoked(scene: Scene) -> None:
    scene.google(revoke_refresh_token="1//refresh")
    scene.run_daily()


def quota_is_gone(scene: Scene) -> None:
    scene.account.advance_to(FIRST_DUE)
    for day in range(3):  # used up again as soon as Google has refilled it
        scene.google(exhaust_quota="1001")
        scene.pass_until(FIRST_DUE + timedelta(days=day, hours=3, minutes=1), HOUR)
        scene.google(exhaust_quota="1001")
        scene.pass_until(FIRST_DUE + timedelta(days=day, hours=4), HOUR)
        if scene.told:
            return


def nothing(_scene: Scene) -> None:
    """What was wrong has passed."""


def fill_quota(scene: Scene) -> None:
    scene.google(remaining_tokens={"property_id": "1001", "tokens": 10_000})


def renew_login(scene: Scene) -> None:
    scene.google(renew_refresh_token="1//refresh")


def hear_again(scene: Scene) -> None:
    scene.account.services.appflow.faults.drop_events = 0


TROUBLES = {
    "run fails three times": Trouble(
        run_fails_at_every_try,
        nothing,
        "Run failed",
        "Connection reset by peer",
        "See whether Google or AWS has an outage",
    ),
    "event dropped": Trouble(
        event_of_a_failed_run_is_dropped, hear_again, "Run failed", "Field x is not a valid metric", "Press Edit on the"
    ),
    "flow deactivated": Trouble(
        flow_is_deactivated,
        nothing,
        "Flow deactivated",
        "3 runs failed in a row, the last one with: Google Analytics answered 503 UNAVAILABLE",
        "See whether Google or AWS has an",
        date(2026, 3, 9),
        date(2026, 3, 12),
    ),
    "login revoked": Trouble(
        login_is_revoked, renew_login, "Run failed", "expired or revoked", "Renew the connection profile's Google login"
    ),
    "quota gone": Trouble(
        quota_is_gone,
        fill_quota,
        "Run failed",
        "RESOURCE_EXHAUSTED",
        "See which other programs read the property",
        last_day=date(2026, 3, 11),
    ),
}

SLOW = {"quota gone", "flow deactivated"}


def days_read(scene: Scene) -> list[date]:
    """Return the days that tries and Retry have read, each as often as it was read."""
    windows = scene.account.runs("start_date, end_date", "kind IN ('requested', 'remedy') AND status = 'succeeded'")
    return sorted(day for first, last in windows for day in days(first, last))


def days(first: date, last: date) -> list[date]:
    """Return the days of a range."""
    return [first + timedelta(day) for day in range((last - first).days + 1)]


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ChatPage]:
    with chat_page(left_account(), tmp_path_factory.mktemp("chat")) as page:
        yield page


@pytest.fixture
def places(scene: Scene, chat: ChatPage, client: Client, operator: User, settings: Settings) -> Places:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    made = Places(scene, chat, client, operator)
    made.register()
    return made


@pytest.mark.parametrize("name", marked_slow(TROUBLES, SLOW))
def test_trouble_is_told_once_in_both_places_and_retry_reads_what_is_missing(places: Places, name: str) -> None:
    scene, trouble = places.scene, TROUBLES[name]
    trouble.happens(scene)
    places.tell()

    assert scene.states() == ["open"]
    assert len(places.posts()) == 1
    for text in (places.in_channel(), places.on_page()):
        assert trouble.message in text
        assert trouble.remedy in text
    assert f"{trouble.title}: events of" in places.in_channel()
    assert f": {trouble.title.lower()} , days" in places.on_page()

    trouble.is_mended(scene)
    before = Counter(days_read(scene))
    places.press_retry()

    assert Counter(days_read(scene)) - before == Counter(days(trouble.first_day, trouble.last_day))
    assert set(days_read(scene)) <= scene.days_loaded()
    assert [post.notification.title for post in places.posts("DataFlowRemedyReported")] == [
        ":ok_hand: Retry is carried out"
    ]
    assert scene.states() == ["open", "retrying", "resolved"]
    assert "Recovered" in places.in_channel()
    assert "What to do" not in places.on_page()


def test_each_attempt_stands_on_the_timeline_with_its_number_and_who_asked(places: Places) -> None:
    scene = places.scene
    scene.fail_runs(4)
    scene.run_daily()
    scene.pass_until(FIRST_DUE + 5 * HOUR, HOUR)
    assert scene.attempts() == [f"Tried again by itself, attempt {number}" for number in (1, 2, 3)]
    places.tell()
    places.press_retry()

    page = places.on_page()
    for words in (
        *(f"Tried again by itself, attempt {number}" for number in (1, 2, 3)),
        "asked for by Slack",
        "Asked for by Slack, attempt 4",
        "2026-03-07 to 2026-03-10 of events is read again. (Retry was pressed by Slack)",
    ):
        assert words in page


def test_flow_that_is_activated_again_stands_on_the_timeline(places: Places) -> None:
    scene = places.scene
    flow_is_deactivated(scene)
    scene.pass_until(FIRST_DUE + timedelta(days=2, hours=2))
    places.tell()

    assert scene.account.flows()[FLOW] == "Active"
    assert f"AppFlow's flow {FLOW} is activated again, by itself." in places.on_page()
    assert scene.states() == ["open", "retrying", "resolved"]


def test_retry_that_is_refused_is_told_in_the_thread_and_on_the_timeline_at_each_press(places: Places) -> None:
    scene = places.scene
    login_is_revoked(scene)
    places.tell()
    scene.account.send(data_flow(reports=REPORTS, revision=2, state="paused"), FIRST_DUE + HOUR)

    for presses in (1, 2):
        places.press_retry_in_vain()
        answers = places.posts("DataFlowRemedyReported")
        assert len(answers) == presses
        assert places.on_page().count("Retry was pressed by Slack") == presses

    assert {post.thread_id for post in answers} == {str(scene.told[0].incident_id)}
    for text in (places.in_channel(), places.on_page()):
        assert "The data flow is not active, or lacks the report: press Resume on its page" in text


def test_retry_of_what_is_over_is_refused_in_both_places(places: Places) -> None:
    login_is_revoked(places.scene)
    places.tell()
    renew_login(places.scene)
    places.press_retry()

    places.press_retry_in_vain()

    for text in (places.in_channel(), places.on_page()):
        assert "It is over: the days are loaded." in text


def test_paused_warehouse_is_told_once_while_it_is_paused_and_the_gap_is_filled_when_it_is_back(places: Places) -> None:
    scene = places.scene
    with scene.paused_warehouse():
        scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
        scene.account.wait_for_execution(FLOW)
        sweeps = [scene.account.sweep(FIRST_DUE + timedelta(minutes=minutes)) for minutes in (15, 30, 45, 60)]
        assert sweeps == [["0"], [], [], []]  # the first may be a restart, and comes again
        assert scene.account.watch() == []  # AppFlow's word that its run has failed is no second alert
        scene.listen()
        places.tell()

        (alert,) = places.posts("WarehouseOutageChanged")
        assert alert.notification.title == ":rotating_light: The warehouse does not answer"
        assert places.posts() == []
        for text in (places.in_channel(), places.on_page()):
            assert "The warehouse does not answer" in text
            assert "The warehouse is paused: resume it" in text
            assert "See whether Redshift is paused" in text

    scene.pass_until(FIRST_DUE + 2 * HOUR)
    places.tell()

    assert days_read(scene) == days(date(2026, 3, 7), date(2026, 3, 10))
    assert set(days_read(scene)) <= scene.days_loaded()
    assert scene.told == []
    titles = [post.notification.title for post in places.posts("WarehouseOutageChanged")]
    assert titles[1:] == [":white_check_mark: Recovered: the warehouse answers again"]
    assert "What to do" not in places.on_page()
    assert "Warehouse back" in places.on_page()


@pytest.mark.slow
def test_flow_that_is_deactivated_while_the_warehouse_is_paused_for_days_is_no_second_alert(places: Places) -> None:
    scene = places.scene
    with scene.paused_warehouse():
        for day in range(3):
            scene.account.advance_to(FIRST_DUE + timedelta(days=day, seconds=5))
            scene.account.wait_for_execution(FLOW)
            scene.account.sweep(FIRST_DUE + timedelta(days=day, minutes=15))
        assert scene.account.flows()[FLOW] == "Suspended"
        scene.account.watch()

    scene.pass_until(FIRST_DUE + timedelta(days=2, hours=20), HOUR)
    places.tell()

    assert scene.told == []
    assert [post.notification.title.split(":")[1] for post in places.posts("WarehouseOutageChanged")] == [
        "rotating_light",
        "white_check_mark",
    ]
    assert scene.account.flows()[FLOW] == "Active"
    assert set(days(date(2026, 3, 10), date(2026, 3, 12))) <= scene.days_loaded()
