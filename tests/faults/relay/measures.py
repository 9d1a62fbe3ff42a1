"""How long it took until what was held up was published."""

import json
from collections.abc import Mapping
from typing import Any


def percentiles(seconds: list[float]) -> dict[str, float]:
    """Return the median, the 95th percentile and the largest of numbers in order of size."""
    last = len(seconds) - 1
    return {name: round(seconds[int(last * part)], 1) for name, part in (("p50", 0.5), ("p95", 0.95), ("max", 1.0))}


def tell(what: str, figures: Mapping[str, Any]) -> None:
    """Print figures as one line."""
    print(f"\n{what}: {json.dumps(figures)}")  # noqa: T201 - the figures are what is wanted
