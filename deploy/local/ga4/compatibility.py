"""Which dimensions and metrics go together.

Google's rules are not published; this one is documented: item dimensions are reported with item metrics only,
and item metrics are not split by event.
"""

from collections.abc import Iterable
from typing import Final

from deploy.local.ga4.errors import invalid_argument
from deploy.local.ga4.fields import DIMENSIONS, METRICS, Scope

_EXPLORER: Final = "https://ga-dev-tools.google/ga4/dimensions-metrics-explorer/"


def is_compatible(dimension: str, metric: str) -> bool:
    """Say whether a dimension and a metric may be in one report."""
    is_item_metric = metric in METRICS and METRICS[metric].scope is Scope.ITEM
    if dimension in DIMENSIONS and DIMENSIONS[dimension].scope is Scope.ITEM:
        return is_item_metric
    return not (is_item_metric and dimension == "eventName")


def require_compatible(dimensions: Iterable[str], metrics: Iterable[str]) -> None:
    """Refuse (INVALID_ARGUMENT) fields that do not go together, naming what to remove."""
    wanted = list(metrics)
    for dimension in dimensions:
        if any(not is_compatible(dimension, metric) for metric in wanted):
            raise invalid_argument(
                f"Please remove {dimension} to make the request compatible. The request's dimensions & metrics are "
                f"incompatible. To learn more, see {_EXPLORER}"
            )
