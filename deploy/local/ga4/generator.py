"""Makes a property's events: the same ones at the same day offsets, whatever the anchor date is."""

from dataclasses import fields
from datetime import date, timedelta
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from deploy.local.ga4.coded import Booleans, Integers
from deploy.local.ga4.demo_events import Events, draw_events
from deploy.local.ga4.demo_sessions import Sessions, draw_sessions
from deploy.local.ga4.demo_values import (
    ALL_PAGES,
    DEVICES,
    EVENT_NAMES,
    ITEMS,
    NOT_ATTRIBUTED,
    PLACES,
    SPAM,
    TRAFFIC,
)

_EVENTS_PER_SESSION: Final = 9.6
_SECOND: Final = 1_000_000
_HOUR: Final = 3600 * _SECOND
_DAY: Final = 24 * _HOUR
_DOLLAR_IN: Final = {"VND": 25_000.0, "EUR": 0.9, "USD": 1.0}
_TRAFFIC: Final = (*(row[:4] for row in TRAFFIC), NOT_ATTRIBUTED, SPAM)
_NOT_ATTRIBUTED_CODE: Final = len(TRAFFIC)
_SPAM_CODE: Final = len(TRAFFIC) + 1


def generate_property(
    property_id: str,
    time_zone: str,
    currency_code: str,
    *,
    anchor_date: date,
    first_day: int = 0,
    days: int = 90,
    seed: int = 1,
    events_per_day: int = 3_000,
) -> pa.Table:
    """Return the event table (see `event_table.py`) of the days `first_day` to `first_day + days - 1`.

    Days count from `anchor_date`, in the property's time zone. Every day has its own seed, made from `seed` and its
    number: the same day number gives the same sessions for any anchor date and any other days.
    """
    sessions = draw_sessions(seed, first_day, days, events_per_day / _EVENTS_PER_SESSION)
    started_at = _started_at(sessions, anchor_date, time_zone)
    tables = [
        _day_table(property_id, sessions, started_at, day, _seed(seed, day), _DOLLAR_IN.get(currency_code, 1.0))
        for day in range(first_day, first_day + days)
    ]
    return _with_local_time(pa.concat_tables(tables).sort_by("event_timestamp"), time_zone)


def _seed(seed: int, day: int) -> np.random.Generator:
    return np.random.default_rng([seed, day + 100_000, 3])


def _started_at(sessions: Sessions, anchor_date: date, time_zone: str) -> Integers:
    """Return each session's start in microseconds UTC; an hour that a DST change skips moves to its end."""
    anchor = (anchor_date - date(1970, 1, 1)) // timedelta(days=1)
    local = pa.array((anchor + sessions.day) * 86_400 + sessions.start, type=pa.int64()).cast(pa.timestamp("s"))
    zoned = pc.assume_timezone(local, time_zone, ambiguous="earliest", nonexistent="latest")
    seconds: Integers = zoned.cast(pa.int64()).to_numpy(zero_copy_only=False)
    return seconds * _SECOND


def _day_table(
    property_id: str, sessions: Sessions, started_at: Integers, day: int, rng: np.random.Generator, dollar: float
) -> pa.Table:
    chosen = sessions.day == day
    today = Sessions(**{one.name: getattr(sessions, one.name)[chosen] for one in fields(Sessions)})
    events, landing_pages = draw_events(rng, today, dollar)
    started = started_at[chosen][events.session]
    happened_at = started + events.after
    visible_at = happened_at + np.where(rng.random(len(events)) < 0.85, 0, rng.integers(_HOUR, 60 * _HOUR, len(events)))
    settled_at = started_at[chosen] + rng.integers(24 * _HOUR, 48 * _HOUR, len(today))
    columns = _columns(property_id, today, events, landing_pages, day)
    columns["event_timestamp"] = happened_at
    return _versions(columns, today, events, visible_at, settled_at[events.session])


def _versions(
    columns: dict[str, Any], sessions: Sessions, events: Events, visible_at: Integers, settled_at: Integers
) -> pa.Table:
    """Return the rows Google shows of each event: first as it came, later as it settled."""
    is_spam = sessions.is_spam[events.session]
    is_early = sessions.is_reattributed[events.session] & ~is_spam & (visible_at < settled_at)
    true_traffic = np.where(is_spam, _SPAM_CODE, sessions.traffic[events.session])
    final_from = np.where(is_early, settled_at, visible_at)
    is_shown = ~is_spam | (visible_at < settled_at)
    early = _rows(columns, is_early, np.full(len(events), _NOT_ATTRIBUTED_CODE), visible_at, pa.array(settled_at))
    hidden_at = pa.array(settled_at, mask=~is_spam)
    final = _rows(columns, is_shown, true_traffic, final_from, hidden_at)
    return pa.concat_tables([early, final])


def _rows(
    columns: dict[str, Any], chosen: Booleans, traffic: Integers, visible_at: Integers, hidden_at: pa.Array
) -> pa.Table:
    names = ("session_default_channel_group", "session_source", "session_medium", "session_campaign")
    attribution = {name: _texts(_TRAFFIC, place, traffic) for place, name in enumerate(names)}
    table = pa.table({**columns, **attribution, "visible_at": visible_at, "hidden_at": hidden_at})
    return table.filter(pa.array(chosen))


def _columns(property_id: str, sessions: Sessions, events: Events, landing_pages: Integers, day: int) -> dict[str, Any]:
    return {
        "event_name": _texts(tuple((name,) for name in EVENT_NAMES), 0, events.name),
        "engagement_time_msec": events.engagement_seconds * 1000,
        "page_path": _texts(ALL_PAGES, 0, events.page),
        "page_title": _texts(ALL_PAGES, 1, events.page),
        "host_name": _host_names(property_id, events),
        **_session_columns(sessions, events.session, landing_pages),
        **_purchase_columns(events, day),
    }


def _session_columns(sessions: Sessions, session: Integers, landing_pages: Integers) -> dict[str, Any]:
    place, device = sessions.place[session], sessions.device[session]
    device_columns = (
        "device_category",
        "operating_system",
        "operating_system_version",
        "browser",
        "screen_resolution",
        "mobile_device_model",
    )
    user = pa.array(sessions.user[session]).cast(pa.string())
    first_group = _texts(_TRAFFIC, 0, sessions.first_traffic[session])
    return {
        "user_pseudo_id": pc.binary_join_element_wise(user, "1700000000", "."),
        "ga_session_id": (sessions.day * 86_400 + sessions.start + 1_700_000_000)[session],
        "ga_session_number": sessions.number[session],
        "session_engaged": sessions.is_engaged[session],
        "is_active_user": (sessions.is_engaged | (sessions.number == 1))[session],
        "first_user_default_channel_group": first_group,
        "landing_page": _texts(ALL_PAGES, 0, landing_pages[session]),
        **{name: _texts(PLACES, at, place) for at, name in enumerate(("country", "city", "language"))},
        **{name: _texts(DEVICES, at, device) for at, name in enumerate(device_columns)},
    }


def _purchase_columns(events: Events, day: int) -> dict[str, Any]:
    has_item = events.item >= 0
    is_purchase = events.name == EVENT_NAMES.index("purchase")
    numbers = pa.array(np.cumsum(is_purchase), mask=~is_purchase).cast(pa.string())
    items = pa.array(np.where(has_item, events.item, 0), mask=~has_item)
    return {
        "transaction_id": pc.binary_join_element_wise(f"T{day}", numbers, "-"),
        "item_name": pa.array([name for name, _ in ITEMS]).take(items),
        "item_quantity": pa.array(events.quantity, mask=~has_item),
        "item_revenue": _money(events.item_revenue),
        "purchase_revenue": _money(events.purchase_revenue),
        "refund_value": _money(events.refund_value),
        "ad_revenue": _money(events.ad_revenue),
    }


def _host_names(property_id: str, events: Events) -> pa.Array:
    hosts = ((f"www.demo-{property_id}.example",), (f"shop.demo-{property_id}.example",))
    return _texts(hosts, 0, (events.item >= 0).astype(np.int64))


def _money(millionths: Integers) -> pa.Array:
    return pa.array(millionths / _SECOND, mask=millionths == 0)


def _texts(rows: tuple[Any, ...], place: int, codes: Integers) -> pa.Array:
    """Return text by its place in a list; encoded, because sorting and filtering text would take most of the time."""
    texts = [row[place] for row in rows]
    values = list(dict.fromkeys(texts))
    renumbered = np.array([values.index(text) for text in texts], dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(renumbered[codes]), pa.array(values, type=pa.string()))


def _with_local_time(events: pa.Table, time_zone: str) -> pa.Table:
    """Add `event_date` and `event_hour`, in the property's time zone."""
    moments = events["event_timestamp"].cast(pa.timestamp("us", time_zone))
    local = pc.local_timestamp(moments).cast(pa.int64()).to_numpy()
    days, of_row = np.unique(local // _DAY, return_inverse=True)
    dates = pa.array([f"{date(1970, 1, 1) + timedelta(days=int(day)):%Y%m%d}" for day in days])
    hours = pa.array([f"{hour:02}" for hour in range(24)])
    return events.append_column("event_date", dates.take(pa.array(of_row))).append_column(
        "event_hour", hours.take(pa.array(local % _DAY // _HOUR))
    )
