"""How long it took until what was held up was published."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from dataflows.models import OutboxEvent
from tests.faults.relay.relaying import Death


def recovery_seconds(deaths: Iterable[Death]) -> list[float]:
    """Return, in order of size, how long after a death each of its events was published."""
    ends = {
        property_id: published_at.timestamp()
        for property_id, published_at in OutboxEvent.objects.values_list("data_flow__property_id", "published_at")
        if published_at is not None
    }
    return sorted(ends[property_id] - death.record.at for death in deaths for property_id in death.property_ids)


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the largest of numbers in order of size."""
    last = len(seconds) - 1
    return {name: round(seconds[int(last * part)], 1) for name, part in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))}


def tell(what: str, figures: Mapping[str, Any]) -> None:
    """Print figures as one line."""
    print(f"\n{what}: {json.dumps(figures)}")  # noqa: T201 - the figures are what is wanted
