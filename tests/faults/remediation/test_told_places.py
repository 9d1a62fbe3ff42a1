"""Each trouble is told once, in words that help, where people look; Retry there reads just what is missing."""

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
from tests.faults.remediation.scene import FIRST_DUE, FLOW, Scene
from tests.warehouse.account import left_account

__all__ = ["operator"]

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.filterwarnings(r"ignore:ssl\.(SSLContext\(\) without protocol|PROTOCOL_TLS):DeprecationWarning"),
]

HOUR = timedelta(hours=1)
PAUSED = "Amazon Redshift can't be asked for the columns of ga4_landing.p1001_events: the warehouse is paused"


@dataclass(frozen=True)
class Trouble:
    """What goes wrong until somebody is told, how it is mended, and what both places say of it."""

    happens: Callable[[Scene], None]
    is_mended: Callable[[Scene], None]
    title: str
    message: str
    remedy: str
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
    scene.fail_runs(1, "Google Analytics answered 503 UNAVAILABLE: The service is currently unavailable.")
    scene.run_daily()
    scene.account.client("appflow").stop_flow(flowName=FLOW)
    scene.sweep(FIRST_DUE + timedelta(minutes=4))


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


def warehouse_is_paused(scene: Scene) -> None:
    with scene.paused_warehouse():
        scene.account.advance_to(FIRST_DUE + timedelta(seconds=5))
        scene.account.wait_for_execution(FLOW)
        assert scene.account.sweep(FIRST_DUE + timedelta(minutes=30)) == ["0"]
    scene.fail_runs(3, PAUSED)
    scene.pass_until(FIRST_DUE + 6 * HOUR, HOUR)


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
        flow_is_deactivated, nothing, "Flow deactivated", "503 UNAVAILABLE", "See whether Google or AWS has an"
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
        date(2026, 3, 11),
    ),
    "warehouse paused": Trouble(
        warehouse_is_paused, nothing, "Run failed", "the warehouse is paused", "See whether Redshift is paused"
    ),
}


def days_read(scene: Scene) -> list[date]:
    """Return the days that tries and Retry have read, each as often as it was read."""
    windows = scene.account.runs("start_date, end_date", "kind IN ('requested', 'remedy') AND status = 'succeeded'")
    return sorted(first + timedelta(day) for first, last in windows for day in range((last - first).days + 1))


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


@pytest.mark.parametrize("trouble", TROUBLES.values(), ids=TROUBLES)
def test_trouble_is_told_once_in_both_places_and_retry_reads_what_is_missing(places: Places, trouble: Trouble) -> None:
    scene = places.scene
    trouble.happens(scene)
    places.tell()

    assert scene.states() == ["open"]
    assert len(places.posts()) == 1
    for text in (places.in_channel(), places.on_page().replace("run failed", "Run failed")):
        assert trouble.message in text
        assert trouble.remedy in text
    assert f"{trouble.title}: events of" in places.in_channel()

    trouble.is_mended(scene)
    places.press_retry()

    assert days_read(scene) == [date(2026, 3, 7) + timedelta(day) for day in range(trouble.last_day.day - 6)]
    assert set(days_read(scene)) <= scene.days_loaded()
    assert scene.states() == ["open", "retrying", "resolved"]
    assert "Recovered" in places.in_channel()
    assert "What to do" not in places.on_page()
