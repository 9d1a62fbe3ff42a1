"""Counts a property's events by plain Python: what each report must hold, worked out beside the line."""

import io
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any, Final

import pyarrow.parquet as pq
import requests

Event = Mapping[str, Any]
Key = tuple[str, ...]
Numbers = dict[str, int | Decimal]

NOT_SET: Final = "(not set)"
_KEY_EVENTS: Final = ("purchase", "generate_lead")
_MILLIONTH: Final = Decimal("0.000001")


@dataclass(frozen=True)
class ReportShape:
    """A report's dimensions, as our column and the column of the events, and the metrics it holds."""

    dimensions: Mapping[str, str]
    metrics: Sequence[str]


_USERS: Final = ("total_users", "active_users")
_SESSIONS: Final = ("sessions", "engaged_sessions", *_USERS, "new_users")
_ENGAGEMENT: Final = "user_engagement_duration"

SHAPES: Final = {
    "daily_totals": ReportShape(
        {}, (*_SESSIONS, "screen_page_views", "event_count", "key_events", _ENGAGEMENT, "total_revenue")
    ),
    "traffic_acquisition": ReportShape(
        {
            "session_default_channel_group": "session_default_channel_group",
            "session_source": "session_source",
            "session_medium": "session_medium",
            "session_campaign_name": "session_campaign",
            "country": "country",
        },
        (*_SESSIONS, "event_count", "key_events", _ENGAGEMENT, "total_revenue"),
    ),
    "pages": ReportShape(
        {"host_name": "host_name", "page_path": "page_path", "page_title": "page_title"},
        ("screen_page_views", *_USERS, "event_count", "key_events", _ENGAGEMENT),
    ),
    "events": ReportShape({"event_name": "event_name"}, ("event_count", *_USERS, "key_events", "total_revenue")),
    "devices": ReportShape(
        {"device_category": "device_category", "operating_system": "operating_system", "browser": "browser"},
        (*_SESSIONS, "screen_page_views", "event_count", _ENGAGEMENT),
    ),
    "custom_landings": ReportShape(
        {"landing_page": "landing_page", "language": "language"}, ("sessions", "engaged_sessions", "total_users")
    ),
}


def visible_events(ga4_url: str, property_id: str) -> list[Event]:
    """Return the events of a property that Google would count at the emulated time."""
    answer = requests.get(f"{ga4_url}/_local/events", params={"property_id": property_id}, timeout=30)
    answer.raise_for_status()
    events: list[Event] = pq.read_table(io.BytesIO(answer.content)).to_pylist()
    return events


def expected_rows(shape: ReportShape, events: Iterable[Event]) -> dict[Key, Numbers]:
    """Return the rows of a report: (date as 2026-06-01, *dimensions) → its metrics."""
    groups: dict[Key, list[Event]] = defaultdict(list)
    for event in events:
        groups[_day(event), *(_text(event[column]) for column in shape.dimensions.values())].append(event)
    return {key: {name: _METRICS[name](group) for name in shape.metrics} for key, group in groups.items()}


def _day(event: Event) -> str:
    digits = event["event_date"]
    return f"{digits[:4]}-{digits[4:6]}-{digits[6:]}"


def _text(value: str | None) -> str:
    return NOT_SET if value is None else value


def _sessions(events: Iterable[Event]) -> int:
    return len({(event["user_pseudo_id"], event["ga_session_id"]) for event in events})


def _users(events: Iterable[Event]) -> int:
    return len({event["user_pseudo_id"] for event in events})


def _named(events: Iterable[Event], *names: str) -> list[Event]:
    return [event for event in events if event["event_name"] in names]


def _money(events: Iterable[Event], column: str) -> Decimal:
    amounts = (Decimal(str(event[column] or 0)).quantize(_MILLIONTH) for event in events)
    return sum(amounts, Decimal(0))


def _revenue(events: Sequence[Event]) -> Decimal:
    return _money(events, "purchase_revenue") + _money(events, "ad_revenue") - _money(events, "refund_value")


_METRICS: Final[Mapping[str, Any]] = {
    "sessions": _sessions,
    "engaged_sessions": lambda events: _sessions(event for event in events if event["session_engaged"]),
    "total_users": _users,
    "active_users": lambda events: _users(event for event in events if event["is_active_user"]),
    "new_users": lambda events: _users(_named(events, "first_visit")),
    "screen_page_views": lambda events: len(_named(events, "page_view")),
    "event_count": len,
    "key_events": lambda events: len(_named(events, *_KEY_EVENTS)),
    "user_engagement_duration": lambda events: sum(event["engagement_time_msec"] for event in events) // 1000,
    "total_revenue": _revenue,
}

RATIOS: Final[Mapping[str, Callable[[Mapping[str, int]], Fraction]]] = {
    "engagement_rate": lambda total: Fraction(total["engaged_sessions"], total["sessions"]),
    "bounce_rate": lambda total: 1 - Fraction(total["engaged_sessions"], total["sessions"]),
    "average_engagement_time_per_session": lambda total: Fraction(total["user_engagement_duration"], total["sessions"]),
    "views_per_session": lambda total: Fraction(total["screen_page_views"], total["sessions"]),
}
