"""Computed metrics: each an exact ratio of sums of stored parts, taken when it is read.

A metric is `SUM(numerator) / NULLIF(SUM(denominator), 0)`. A rounded ratio is never stored.
"""

from dataclasses import dataclass
from typing import Final

from dataflows.contracts.ga4 import Unit


@dataclass(frozen=True)
class Part:
    """`sign` times a stored metric's column; with `weight`, times that column of the same row too."""

    column: str
    sign: int = 1
    weight: str | None = None


@dataclass(frozen=True)
class ComputedMetric:
    """A ratio of sums; `is_native_grain_only` when a part may not be summed over rows or days."""

    name: str
    label: str
    unit: Unit
    formula: str
    numerator: tuple[Part, ...]
    denominator: tuple[Part, ...]
    is_native_grain_only: bool = False

    @property
    def columns(self) -> frozenset[str]:
        """Every stored column the metric needs."""
        parts = (*self.numerator, *self.denominator)
        return frozenset(name for part in parts for name in (part.column, part.weight) if name)


def _ratio(
    name: str,
    label: str,
    numerator: str,
    denominator: str,
    unit: Unit = Unit.RATIO,
    *,
    is_native_grain_only: bool = False,
) -> ComputedMetric:
    formula = f"{numerator} / {denominator}"
    parts = (Part(numerator),), (Part(denominator),)
    return ComputedMetric(name, label, unit, formula, *parts, is_native_grain_only)


def _mean(name: str, label: str, rate: str, unit: Unit) -> ComputedMetric:
    formula = f"SUM({rate} × sessions) / SUM(sessions)"
    return ComputedMetric(name, label, unit, formula, (Part(rate, weight="sessions"),), (Part("sessions"),))


_COMPUTED: Final = (
    _ratio("engagement_rate", "Engagement rate", "engaged_sessions", "sessions"),
    ComputedMetric(
        "bounce_rate",
        "Bounce rate",
        Unit.RATIO,
        "(sessions − engaged_sessions) / sessions",
        (Part("sessions"), Part("engaged_sessions", sign=-1)),
        (Part("sessions"),),
    ),
    _ratio(
        "average_engagement_time_per_session",
        "Average engagement time per session",
        "user_engagement_duration",
        "sessions",
        Unit.SECONDS,
    ),
    _ratio(
        "average_engagement_time_per_active_user",
        "Average engagement time per active user",
        "user_engagement_duration",
        "active_users",
        Unit.SECONDS,
        is_native_grain_only=True,
    ),
    _mean("mean_session_duration", "Average session duration", "average_session_duration", Unit.SECONDS),
    _ratio("views_per_session", "Views per session", "screen_page_views", "sessions", Unit.COUNT),
    _ratio("events_per_session", "Events per session", "event_count", "sessions", Unit.COUNT),
    _ratio(
        "sessions_per_active_user",
        "Sessions per active user",
        "sessions",
        "active_users",
        Unit.COUNT,
        is_native_grain_only=True,
    ),
    _ratio("key_events_per_session", "Key events per session", "key_events", "sessions", Unit.COUNT),
    _mean("mean_session_key_event_rate", "Session key event rate", "session_key_event_rate", Unit.RATIO),
    _ratio("average_order_value", "Average order value", "purchase_revenue", "transactions", Unit.CURRENCY),
    _ratio("revenue_per_session", "Revenue per session", "total_revenue", "sessions", Unit.CURRENCY),
    _ratio(
        "average_revenue_per_active_user",
        "Average revenue per active user",
        "total_revenue",
        "active_users",
        Unit.CURRENCY,
        is_native_grain_only=True,
    ),
    _ratio(
        "purchaser_rate",
        "Purchaser rate",
        "total_purchasers",
        "active_users",
        is_native_grain_only=True,
    ),
    _ratio("new_user_share", "New user share", "new_users", "total_users", is_native_grain_only=True),
)

COMPUTED_METRICS: Final = {metric.name: metric for metric in _COMPUTED}
