"""Where two places do not hold the same of a report's days: `ga4_ops.differences`, a row as long as they do not."""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any, Final, Self

from dataflows.contracts.plan import DateWindow
from dataflows.contracts.tables import DIFFERENCES
from warehouse import ops
from warehouse.statements import Warehouse, literal

_ROWS_A_STATEMENT: Final = 100  # of less than 700 bytes each
_STATEMENTS_AT_ONCE: Final = 20
_SHOWN: Final = 5
_KEY: Final = ("property_id", "report", "hop", "start_date", "end_date")
# An unload that fails for now is tried again for more than an hour; what is not loaded then is lost, or in quarantine.
_ON_ITS_WAY: Final = timedelta(minutes=90)


class Hop(StrEnum):
    """Which two places are compared, by the second of them."""

    DELIVERED = "delivered"  # AppFlow's records, and the rows taken in or rejected
    TYPED = "typed"  # the ledger of days, and the typed rows
    COMBINED = "combined"  # the ledger of days, and the rows that are unloaded
    COUNTED = "counted"  # what was loaded, and what MySQL holds
    ARRIVED = "arrived"  # the unloaded generation, and the one that MySQL has


IN_WAREHOUSE: Final = (Hop.DELIVERED, Hop.TYPED, Hop.COMBINED)
IN_MYSQL: Final = (Hop.COUNTED, Hop.ARRIVED)

_WORDS: Final = {
    Hop.DELIVERED: "AppFlow delivered {expected}, the warehouse took in or rejected {found}",
    Hop.TYPED: "the warehouse took in {expected}, its raw table holds {found}",
    Hop.COMBINED: "the warehouse had {expected} to unload, its combined table holds {found}",
    Hop.COUNTED: "the loader loaded {expected}, MySQL holds {found}",
    Hop.ARRIVED: "the warehouse unloaded {expected}, of which MySQL has loaded none",
}


@dataclass(frozen=True)
class Difference:
    """Days on which two places differ; `generation` is theirs (0 of a whole delivery).

    `seen_at` is when they were last compared, by the clock of whoever compared.
    """

    property_id: str
    report: str
    hop: Hop
    start_date: date
    end_date: date
    generation: int
    rows_expected: int
    rows_found: int
    first_seen_at: datetime
    seen_at: datetime

    @property
    def window(self) -> DateWindow:
        """The days."""
        return DateWindow(self.start_date, self.end_date)

    @property
    def key(self) -> tuple[str, str, Hop, date, date]:
        """What tells it from the others."""
        return self.property_id, self.report, self.hop, self.start_date, self.end_date

    @property
    def said(self) -> "Difference":
        """What is kept of it: when it was last seen decides something of what may be on its way, and of that alone."""
        return self if self.hop in IN_MYSQL else replace(self, seen_at=self.first_seen_at)

    @property
    def is_certain(self) -> bool:
        """Whether it is told: what is unloaded may be on its way for a while."""
        return self.hop is not Hop.ARRIVED or self.seen_at - self.first_seen_at >= _ON_ITS_WAY

    @property
    def words(self) -> str:
        """What differs, with the rows on each side."""
        days = f"{self.start_date}" if self.start_date == self.end_date else f"{self.start_date} to {self.end_date}"
        is_many = self.rows_found == self.rows_expected
        found = "as many, with other sums" if is_many else _rows(self.rows_found)
        return f"{days}: {_WORDS[self.hop].format(expected=_rows(self.rows_expected), found=found)}."

    def since(self, known: "Difference | None") -> Self:
        """Return it as first seen when the same was."""
        return self if known is None else replace(self, first_seen_at=known.first_seen_at)

    @classmethod
    def from_row(cls, row: dict[str, Any]) -> Self:
        """Return the difference of a row as the Data API gives it."""
        moments = {name: ops.moment(row[name]) for name in ("first_seen_at", "seen_at")}
        dates = {name: date.fromisoformat(row[name]) for name in ("start_date", "end_date")}
        return cls(**{**row, **moments, **dates, "hop": Hop(row["hop"])})


class Differences:
    """The table of differences."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def find(self, **where: ops.Condition) -> list[Difference]:
        """Return the differences whose columns are so, in order of their days."""
        rows = self._warehouse.query(ops.select(DIFFERENCES, where, ("property_id", "report", "start_date", "hop")))
        return [Difference.from_row(row) for row in rows]

    def replace(self, known: Sequence[Difference], found: Sequence[Difference]) -> None:
        """Put what is found in the place of what is known; nothing is written where both say the same."""
        said, says = {item.said for item in known}, {item.said for item in found}
        gone = [item for item in known if item.said not in says]
        new = [item for item in found if item.said not in said]
        statements = [*_deletes(gone), *_inserts(new)]
        for first in range(0, len(statements), _STATEMENTS_AT_ONCE):
            together = statements[first : first + _STATEMENTS_AT_ONCE]
            self._warehouse.execute_together([ops.lock(DIFFERENCES), *together])


def described(differences: Iterable[Difference]) -> str:
    """Return what differs, in words: the first days of them, and how many more there are."""
    listed = sorted(differences, key=lambda item: (item.start_date, item.hop))
    more = f" And {len(listed) - _SHOWN} more." if len(listed) > _SHOWN else ""
    return " ".join(item.words for item in listed[:_SHOWN]) + more


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _deletes(gone: Sequence[Difference]) -> Iterable[str]:
    for first in range(0, len(gone), _ROWS_A_STATEMENT):
        keys = " OR ".join(f"({_is(item)})" for item in gone[first : first + _ROWS_A_STATEMENT])
        yield f"DELETE FROM {DIFFERENCES.qualified_name} WHERE {keys}"  # noqa: S608 - values pass through literal()


def _is(item: Difference) -> str:
    return " AND ".join(f"{name} = {literal(getattr(item, name))}" for name in _KEY)


def _inserts(new: Sequence[Difference]) -> Iterable[str]:
    for first in range(0, len(new), _ROWS_A_STATEMENT):
        rows = [asdict(item) for item in new[first : first + _ROWS_A_STATEMENT]]
        yield ops.insert(DIFFERENCES, rows, _KEY)
