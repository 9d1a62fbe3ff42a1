"""A property's events: one row an event, with the columns of GA4's BigQuery export made flat.

Columns of `events.parquet` (text unless noted; null text is reported as `(not set)`):

- `event_timestamp` (int64, microseconds UTC), `event_date` (YYYYMMDD) and `event_hour` (00-23), both in the
  property's time zone; `event_name`, `user_pseudo_id`, `ga_session_id` (int64), `ga_session_number` (int64),
  `session_engaged` and `is_active_user` (bool), `engagement_time_msec` (int64);
- `session_source`, `session_medium`, `session_campaign`, `session_default_channel_group`,
  `first_user_default_channel_group`, `country`, `city`, `language`, `device_category`, `operating_system`,
  `operating_system_version`, `browser`, `screen_resolution`, `mobile_device_model`, `host_name`, `page_path`,
  `page_title`, `landing_page`, `transaction_id`, `item_name`;
- `item_quantity` (int64), `item_revenue`, `purchase_revenue`, `refund_value`, `ad_revenue` (float64, in the
  property's currency, at most six decimals), null where they do not apply;
- any further column named like `customEvent:plan` is a custom dimension;
- `visible_at` and `hidden_at` (int64, microseconds UTC; `hidden_at` may be null): Google shows the row from
  `visible_at` on and, if `hidden_at` is given, only until then. A row is visible at a moment when
  `visible_at <= moment < hidden_at`. An event that is re-attributed is two rows: the first is hidden at the
  moment the second becomes visible.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from deploy.local.ga4.coded import Booleans, Coded, Integers, joined
from deploy.local.ga4.date_parts import DATE_PARTS, date_part
from deploy.local.ga4.fields import CUSTOM_PREFIXES, DATE, DIMENSIONS, METRICS

EVENTS_FILE: Final = "events.parquet"
_NEVER: Final = np.iinfo(np.int64).max
_MICROS: Final = 1_000_000

_PAIRS: Final = {
    "sessionSourceMedium": ("sessionSource", "sessionMedium", " / "),
    "operatingSystemWithVersion": ("operatingSystem", "operatingSystemVersion", " "),
    "fullPageUrl": ("hostName", "pagePath", ""),
    "dateHour": ("date", "hour", ""),
}


def micros(moment: datetime) -> int:
    """Return an aware moment as microseconds since 1970 UTC, the unit of the table's times."""
    return round(moment.timestamp() * _MICROS)


@dataclass
class EventTable:
    """Reads `events.parquet` column by column, each once, when a request first needs it."""

    path: Path
    key_events: frozenset[str]
    _coded: dict[str, Coded] = field(default_factory=dict)
    _numbers: dict[str, Integers] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._columns = frozenset(pq.read_schema(self.path).names)

    def dimension_names(self) -> frozenset[str]:
        """Return the API names of all dimensions, custom ones included."""
        return frozenset(DIMENSIONS) | {name for name in self._columns if name.startswith(CUSTOM_PREFIXES)}

    def metric_names(self) -> frozenset[str]:
        """Return the API names of all metrics."""
        return frozenset(METRICS)

    def for_fields(
        self,
        dimensions: frozenset[str],  # noqa: ARG002
        filtered: frozenset[str],  # noqa: ARG002
        metrics: Sequence[str],  # noqa: ARG002
    ) -> "EventTable":
        """Return the table that answers for these fields: this one, for all."""
        return self

    def visible(self, now: datetime) -> Booleans:
        """Return a mask of the rows Google would count at `now`."""
        moment = micros(now)
        return (self.number("visible_at") <= moment) & (self._until() > moment)

    def visible_rows(self, now: datetime) -> pa.Table:
        """Return all columns of the rows visible at `now`."""
        return pq.read_table(self.path).filter(pa.array(self.visible(now)))

    def dimension(self, api_name: str) -> Coded:
        """Return a dimension's value for every row."""
        if api_name in _PAIRS:
            left, right, separator = _PAIRS[api_name]
            return self._cached(api_name, lambda: joined(self.dimension(left), self.dimension(right), separator))
        if api_name in DATE_PARTS:
            return self._cached(api_name, lambda: self.dimension(DATE).map(date_part(api_name)))
        if api_name == "newVsReturning":
            return self._cached(api_name, self._new_or_returning)
        return self.text("event_date" if api_name == DATE else _column(api_name))

    def text(self, column: str) -> Coded:
        """Return a text column."""
        return self._cached(column, lambda: Coded.from_arrow(self._read(column, [column])))

    def number(self, column: str) -> Integers:
        """Return a whole-number or yes/no column; null is 0."""
        if column not in self._numbers:
            whole = self._read(column).cast(pa.int64()).fill_null(0)
            self._numbers[column] = whole.combine_chunks().to_numpy(zero_copy_only=False)
        return self._numbers[column]

    def money(self, column: str) -> Integers:
        """Return a currency column in millionths, so that sums are exact; null is 0."""
        if column not in self._numbers:
            amounts: NDArray[np.float64] = self._read(column).fill_null(0.0).to_numpy()
            self._numbers[column] = np.rint(amounts * _MICROS).astype(np.int64)
        return self._numbers[column]

    def users(self) -> Integers:
        """Return a number for the user of every row."""
        return self.text("user_pseudo_id").codes

    def sessions(self) -> Integers:
        """Return a number for the session of every row: sessions are distinct by user and session id."""
        if "session" not in self._numbers:
            ids, dense = np.unique(self.number("ga_session_id"), return_inverse=True)
            pairs = self.users() * len(ids) + dense
            self._numbers["session"] = np.unique(pairs, return_inverse=True)[1].astype(np.int64)
        return self._numbers["session"]

    def _until(self) -> Integers:
        if "until" not in self._numbers:
            hidden_at = self._read("hidden_at").fill_null(_NEVER).combine_chunks()
            self._numbers["until"] = hidden_at.to_numpy(zero_copy_only=False)
        return self._numbers["until"]

    def _new_or_returning(self) -> Coded:
        is_returning = self.number("ga_session_number") > 1
        return Coded(is_returning.astype(np.int64), ("new", "returning"))

    def _cached(self, name: str, compute: Callable[[], Coded]) -> Coded:
        if name not in self._coded:
            self._coded[name] = compute()
        return self._coded[name]

    def _read(self, column: str, read_dictionary: Sequence[str] = ()) -> pa.ChunkedArray:
        return pq.read_table(self.path, columns=[column], read_dictionary=read_dictionary).column(0)


def _column(api_name: str) -> str:
    return DIMENSIONS[api_name].column if api_name in DIMENSIONS else api_name
