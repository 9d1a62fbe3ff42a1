"""A real browser against the served application; a page that complains to the console fails its test."""

from collections.abc import Callable, Iterator
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import Group, User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django.fixtures import Settings
from pytest_django.live_server_helper import LiveServer

from dataflows.models import DataFlow
from tests.browser.plausible import load_days, registered_shop

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
)


class OpenPage(Protocol):
    """Opens a new page, logged in as `user` when one is given."""

    def __call__(self, user: User | None = None, **context: Any) -> Page: ...


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """One browser for all of these tests; its event loop ends with them, not with the run."""
    with pytest.MonkeyPatch.context() as patch, sync_playwright() as playwright:
        # Playwright keeps an event loop in this thread, in which Django would refuse the tests' own queries.
        patch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture
def operator(transactional_db: None) -> User:
    user = User.objects.create_user("olga", password="a long enough one")
    user.groups.add(Group.objects.get(name="operator"))
    return user


@pytest.fixture
def shop(operator: User) -> DataFlow:
    """A registered property that runs daily, with 90 days of numbers."""
    data_flow = registered_shop(operator)
    load_days(data_flow, days=90)
    return data_flow


@pytest.fixture
def open_page(browser: Browser, live_server: LiveServer, settings: Settings) -> Iterator[OpenPage]:
    """Opens pages; whatever they complain of to the console, refusals of the security policy too, fails the test."""
    settings.SESSION_COOKIE_SECURE = settings.CSRF_COOKIE_SECURE = False  # the test server speaks no TLS
    complaints: list[str] = []
    contexts = []

    def open_one(user: User | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"base_url": live_server.url, "locale": "en-GB", **options})
        contexts.append(context)
        if user is not None:
            context.add_cookies([{"name": "sessionid", "value": _session_of(user), "url": live_server.url}])
        page = context.new_page()
        page.set_default_timeout(10_000)
        page.on("console", _listener(complaints))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        return page

    yield open_one
    for context in contexts:
        context.close()
    assert complaints == []


def _session_of(user: User) -> str:
    client = Client()
    client.force_login(user)
    return client.cookies["sessionid"].value


def _listener(complaints: list[str]) -> Callable[[ConsoleMessage], None]:
    def listen(message: ConsoleMessage) -> None:
        is_refused_form = "status of 422" in message.text  # the browser notes every answer of 400 and more
        if message.type in ("error", "warning") and not is_refused_form:
            complaints.append(f"{message.location.get('url')}: {message.text}")

    return listen
