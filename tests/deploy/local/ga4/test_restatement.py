"""Recent days change: events are shown late, re-attributed, or disappear."""

from datetime import UTC, datetime
from io import BytesIO

import pyarrow.parquet as pq
import pytest

from tests.deploy.local.ga4.building import Service, event, write_events


def micros(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


@pytest.fixture
def settling(service: Service) -> Service:
    switch = micros("2026-03-03T09:00")
    write_events(
        service.folder,
        [
            event("2026-03-01T10:00", session_campaign="(not set)", hidden_at=switch),
            event("2026-03-01T10:00", session_campaign="spring", visible_at=switch),
            event("2026-03-01T11:00", "late", session_campaign="spring", visible_at=micros("2026-03-02T11:00")),
            event("2026-03-01T12:00", "spam", session_campaign="spam", hidden_at=micros("2026-03-02T12:00")),
        ],
    )
    service.load()
    return service


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        ("2026-03-01T09:59", {}),
        ("2026-03-01T10:00", {"(not set)": "1"}),
        ("2026-03-01T13:00", {"(not set)": "1", "spam": "1"}),
        ("2026-03-02T11:30", {"(not set)": "1", "spam": "1", "spring": "1"}),
        ("2026-03-02T12:00", {"(not set)": "1", "spring": "1"}),
        ("2026-03-03T09:00", {"spring": "2"}),
    ],
)
def test_a_report_shows_what_google_knew_at_that_moment(settling: Service, now: str, expected: dict[str, str]) -> None:
    settling.clock.set(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert set(settling.rows("sessionCampaignName", "totalUsers")) == set(expected.items())


def test_the_events_behind_a_report_can_be_read(settling: Service) -> None:
    settling.clock.set(datetime(2026, 3, 1, 13, tzinfo=UTC))
    response = settling.client().get("/_local/events?property_id=42")
    events = pq.read_table(BytesIO(response.get_data())).to_pylist()
    assert sorted(one["user_pseudo_id"] for one in events) == ["ann", "spam"]
