"""How long an event waits between the commit of its cause and EventBridge's having it."""

import time
from collections.abc import Callable
from datetime import date
from typing import Any, Final

import requests

from benchmarks.registering.myapp import operator
from deploy.local.processes import wait_until

RATE: Final = 50  # registrations a second
STEADY_SECONDS: Final = 60
AT_ONCE: Final = 1000
_PATIENCE_SECONDS: Final = 300.0
_STEADY, _AT_ONCE = "1", "2"  # what these property ids begin with

Progress = Callable[[str], None]


def steady_lag(progress: Progress, *, rate: int = RATE, seconds: int = STEADY_SECONDS) -> dict[str, float]:
    """Register `rate` data flows a second; return the lag's percentiles in seconds, and the rate there really was."""
    user, begun_at = operator(), time.monotonic()
    for number in range(rate * seconds):
        _wait_until(begun_at + number / rate)
        _register(f"{_STEADY}{number:08}", user)
        if number % (rate * 10) == 0:
            progress(f"registering {rate} a second: {number} of {rate * seconds}")
    took = time.monotonic() - begun_at
    _wait_until_published()
    return {
        **_percentiles([published_at - created_at for created_at, published_at in _moments(_STEADY)]),
        "rate": round(rate * seconds / took, 1),
    }


def at_once_lag(progress: Progress, url: str, *, count: int = AT_ONCE) -> dict[str, Any]:
    """Register `count` data flows in one transaction; return the lags since its commit, and the calls by entries."""
    from django.db import transaction
    from django.utils import timezone

    user, before = operator(), _calls(url)
    progress(f"registering {count} at once")
    with transaction.atomic():
        for number in range(count):
            _register(f"{_AT_ONCE}{number:08}", user)
        committed_at = timezone.now()
    _wait_until_published()
    lags = [published_at - committed_at.timestamp() for _, published_at in _moments(_AT_ONCE)]
    calls = {entries: made - before.get(entries, 0) for entries, made in _calls(url).items()}
    return {**_percentiles(lags), "published": len(lags), "calls_by_entries": {k: v for k, v in calls.items() if v}}


def _register(property_id: str, user: Any) -> None:
    from dataflows.models import DataFlow
    from dataflows.services import data_flow_register

    data_flow = DataFlow(
        property_id=property_id,
        display_name=f"Property {property_id}",
        time_zone="Europe/Berlin",
        currency_code="EUR",
        connector_profile="ga4",
        reports=[{"slug": slug} for slug in ("daily_totals", "traffic_acquisition", "pages", "events", "devices")],
        start_date=date(2026, 1, 1),
        lookback_days=4,
        refresh_hour_local=4,
        on_invalid="drop_record",
    )
    data_flow_register(data_flow=data_flow, user=user)


def _wait_until(at: float) -> None:
    time.sleep(max(at - time.monotonic(), 0))


def _wait_until_published() -> None:
    from dataflows.models import OutboxEvent

    unpublished = OutboxEvent.objects.exclude(state=OutboxEvent.State.PUBLISHED)
    assert wait_until(lambda: not unpublished.exists(), _PATIENCE_SECONDS), f"{unpublished.count()} never published"


def _moments(property_ids: str) -> list[tuple[float, float]]:
    """Return when each event was written down and published, in seconds."""
    from dataflows.models import OutboxEvent

    events = OutboxEvent.objects.filter(data_flow__property_id__startswith=property_ids)
    moments = events.values_list("created_at", "published_at")
    return [
        (created_at.timestamp(), published_at.timestamp())
        for created_at, published_at in moments
        if published_at is not None
    ]


def _percentiles(lags: list[float]) -> dict[str, float]:
    ordered = sorted(lags)
    at = {"p50": 0.5, "p99": 0.99, "max": 1.0}
    return {name: round(ordered[min(int(len(ordered) * part), len(ordered) - 1)], 3) for name, part in at.items()}


def _calls(url: str) -> dict[str, int]:
    calls: dict[str, int] = requests.get(f"{url}/calls", timeout=30).json()
    return calls
