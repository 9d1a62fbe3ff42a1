"""How numbers and dimension values are written on pages."""

import unicodedata
from decimal import Decimal
from typing import Any

from django import template

from dataflows.contracts.ga4 import Unit
from reports.measures import Measure

register = template.Library()

_LARGE_AMOUNT = 10_000
_LARGEST_CHANGE = Decimal("9999.99")  # what is beyond it says no more than that, and takes a card's width


@register.filter
def figure(value: Any, measure: Measure) -> str:
    """Write a metric's value in its unit: 1,234 · 12.3 % · 2 min 05 s · 1,234.50."""
    if value is None:
        return "–"
    if measure.unit is Unit.RATIO:
        return f"{Decimal(value) * 100:,.1f} %"
    if measure.unit is Unit.SECONDS:
        return _duration(Decimal(value))
    if measure.unit is Unit.CURRENCY:
        return f"{Decimal(value):,.2f}"
    return f"{value:,}" if isinstance(value, int) else f"{Decimal(value):,.2f}"


@register.filter
def headline(value: Any, measure: Measure) -> str:
    """Write a value as large as on a card: as `figure`, but large amounts of money without cents."""
    if measure.unit is Unit.CURRENCY and value is not None and abs(value) >= _LARGE_AMOUNT:
        return f"{Decimal(value):,.0f}"
    return figure(value, measure)


@register.filter
def thousands(value: int) -> str:
    """Write a whole number with separators: 12,345."""
    return f"{value:,}"


@register.filter
def change(value: Decimal | None, is_rate: bool = False) -> str:
    """Write a change: +4.2 %, or −1.3 pp for a rate; one that is out of all proportion as such."""
    if value is None:
        return "no comparison"
    percent = _percent(value)
    sign = "+" if percent > 0 else "−" if percent < 0 else "±"
    size = f"{sign}{abs(percent):,} {'pp' if is_rate else '%'}"
    return f"more than {size.replace('.0 ', ' ')}" if abs(value) > _LARGEST_CHANGE else size


@register.filter
def direction(value: Decimal | None) -> str:
    """Tell where a change goes as it is written: `up`, `down`, or `level`."""
    percent = 0 if value is None else _percent(value)
    return "up" if percent > 0 else "down" if percent < 0 else "level"


@register.filter
def visible(value: Any) -> str:
    """Write a dimension value without control and direction characters; the empty one as (empty)."""
    text = "" if value is None else str(value)
    shown = "".join(" " if unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp") else letter for letter in text)
    return shown if shown.strip() else "(empty)"


@register.filter
def words(name: str) -> str:
    """Write a stable name as words: `flows_created` as Flows created."""
    return name.replace("_", " ").capitalize()


@register.filter
def lookup(mapping: Any, name: Any) -> Any:
    """Return `mapping[name]`; None when there is none."""
    return None if mapping is None else mapping.get(name)


def _duration(seconds: Decimal) -> str:
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours:,} h {minutes:02} min"
    return f"{minutes} min {rest:02} s" if minutes else f"{rest} s"


def _percent(share: Decimal) -> Decimal:
    shown = max(-_LARGEST_CHANGE, min(share, _LARGEST_CHANGE))
    return (shown * 100).quantize(Decimal("0.1"))
