"""What a later revision of a data flow may not change."""

from collections.abc import Iterable
from typing import Final

from dataflows.contracts.events import CustomReport
from dataflows.contracts.ga4 import DATE

REDEFINED: Final = (
    "A report of this name had other fields: give this one another name. What is stored under the old name would be "
    "shown under the new fields."
)


def redefined_reports(earlier: Iterable[CustomReport], later: Iterable[CustomReport]) -> list[str]:
    """Return the names under which `later` asks for other fields, or another order, than `earlier` did last.

    A custom report's values are stored in numbered slots. With other fields under the same name, what is
    stored would be shown under the new fields' names until each of its days is read again.
    """
    before = {report.name: _fields(report) for report in earlier}
    return [report.name for report in later if before.get(report.name, _fields(report)) != _fields(report)]


def _fields(report: CustomReport) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what fills the slots, in their order: the date, named or not, has a place of its own."""
    return tuple(name for name in report.dimensions if name != DATE), report.metrics
