"""From AppFlow's failed run to the chat channel, and back by its Retry button to the rows in MySQL."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final

import requests

from deploy.local.accounts import REFRESH_TOKEN
from deploy.local.ga4.properties import PropertySettings
from tests.pipeline.line import Line

SHOP: Final = PropertySettings(
    property_id="421000009", display_name="Käse & <Brot>", time_zone="Europe/Berlin", currency_code="EUR"
)
IS_REAL_TIME: Final = True  # who presses a button in the channel does so then
_SECONDS: Final = 30


def page(line: Line) -> str:
    """Return the channel's page."""
    return requests.get(line.stack.chat_url, timeout=_SECONDS).text


def press(line: Line, button: str) -> None:
    """Press the first button of that name, as a browser does."""
    forms = re.findall(r"<form.*?</form>", page(line), re.DOTALL)
    form = next(one for one in forms if f">{button}<" in one)
    fields = dict(re.findall(r'name="(\w+)" value="([^"]+)"', form))
    requests.post(f"{line.stack.chat_url}/press", data=fields, timeout=_SECONDS).raise_for_status()


def google(line: Line, **fault: str) -> None:
    """Ask Google for a fault, or its end."""
    requests.post(f"{line.stack.ga4_url}/_local/faults", json=fault, timeout=_SECONDS).raise_for_status()


def test_a_failed_run_is_told_once_and_retry_in_the_channel_loads_its_days(line: Line) -> None:
    today = datetime.now(UTC).date()
    first, last = today - timedelta(5), today - timedelta(2)  # whatever the hour, over everywhere
    line.have_visited(SHOP, first, days=5, events_per_day=50)
    line.register(SHOP, first, reports=["pages"])
    line.wait_until_loaded(SHOP.property_id, 1, last)
    google(line, revoke_refresh_token=REFRESH_TOKEN)
    line.press(SHOP.property_id, "backfill", start_date=first.isoformat(), end_date=last.isoformat())
    line.wait_for("the incident in the channel", lambda: "Run failed: pages" in page(line))
    shown = page(line)
    assert "<code>Käse &amp; &lt;Brot&gt;</code>" in shown
    assert "invalid_grant" in shown or "revoked" in shown
    assert shown.count("Run failed: pages") == 1

    press(line, "Show status")
    line.wait_for("the answer in the thread", lambda: "pages" in page(line).split("Show status")[-1])
    google(line, renew_refresh_token=REFRESH_TOKEN)
    press(line, "Retry run")

    line.wait_for("the recovery in the channel", lambda: "Recovered: Run failed: pages" in page(line))
    assert "Trying again: Run failed: pages" in page(line)
    assert page(line).count('aria-label="Thread"') == 1
