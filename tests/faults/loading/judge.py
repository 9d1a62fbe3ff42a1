"""What may be seen of a schedule at any moment, and what has to be there at its end."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, NamedTuple

from serving.control import PartitionKey
from tests.faults.loading.contents import table_of
from tests.faults.loading.plan import Plan
from tests.faults.loading.reader import Held, Snapshot, Values, stored_values

LOST: Final = "lost"
DOUBLED: Final = "doubled"
STALE: Final = "stale"
TORN: Final = "torn_reads"
KINDS: Final = (LOST, DOUBLED, STALE, TORN)


@dataclass(frozen=True)
class Finding:
    """Something that must not be: one of KINDS, and what was seen."""

    kind: str
    what: str


class LedgerRow(NamedTuple):
    """A line of the ledger as it is read at the end."""

    property_id: str
    report_id: str
    date: date
    generation: int
    row_count: int
    sums: str


class QuarantineRow(NamedTuple):
    """A line of the quarantine as it is read at the end."""

    run_id: str
    reason: str
    resolved_at: datetime | None


class Judge:
    """Knows the plan, and under which run id each of its unloads was written."""

    def __init__(self, plan: Plan, run_ids: list[str]) -> None:
        """Judge a plan whose unloads were written under these run ids, in their order."""
        self._plan = plan
        self._run_ids = run_ids
        self._mended = {arrival.unload for arrival in plan.arrivals if arrival.mended}
        self._rows = {known: self._expected(*known) for known in plan.contents}
        self._origins: dict[tuple[PartitionKey, int], set[str]] = {}
        for number, unload in enumerate(plan.unloads):
            if not unload.spoilt or number in self._mended:
                for known in unload.generations.items():
                    self._origins.setdefault(known, set()).add(run_ids[number])

    def _expected(self, key: PartitionKey, generation: int) -> Counter[Values]:
        return Counter(stored_values(table_of(key), row) for row in self._plan.contents[key, generation])

    def of_snapshot(self, shown: Snapshot, seen: dict[PartitionKey, int]) -> Iterator[Finding]:
        """Yield what one snapshot shows that is not exactly one generation, or older than the reader has `seen`."""
        for key, held in shown.items():
            wrong = self._torn(key, held)
            if wrong:
                yield Finding(TORN, f"{_named(key)} in generation {held.generation}: {wrong}")
            if held.generation < seen.get(key, 0):
                yield Finding(STALE, f"{_named(key)} went back from generation {seen[key]} to {held.generation}")
            seen[key] = max(held.generation, seen.get(key, 0))

    def _torn(self, key: PartitionKey, held: Held) -> str:
        known = (key, held.generation)
        if not held.generation:
            return "rows before the first load" if held.rows else ""
        checks = {
            "no such generation is unloaded": known in self._rows,
            "it has other rows": held.rows == self._rows.get(known),
            "it is taken from an unload that is no good": held.run_id in self._origins.get(known, ()),
            "its row count is another": held.row_count == self._rows.get(known, Counter()).total(),
            "the ledger does not have it": held.entry == (held.run_id, held.row_count),
            "the ledger has a newer one": held.newest_entry in (None, held.generation),
        }
        return ", ".join(what for what, holds in checks.items() if not holds)

    def at_the_end(
        self, shown: Snapshot, ledger: Iterable[LedgerRow], quarantine: Iterable[QuarantineRow]
    ) -> Iterator[Finding]:
        """Yield what is not as it should be once everything was delivered."""
        for key, generation in self._plan.newest.items():
            yield from self._of_partition(key, generation, shown[key])
        yield from self._of_ledger(list(ledger))
        yield from self._of_quarantine({row.run_id: row for row in quarantine})

    def _of_partition(self, key: PartitionKey, newest: int, held: Held) -> Iterator[Finding]:
        if held.generation < newest:
            kind = STALE if held.generation else LOST
            yield Finding(kind, f"{_named(key)} ends in generation {held.generation}, not {newest}")
            return
        missing, extra = self._rows[key, newest] - held.rows, held.rows - self._rows[key, newest]
        dimensions = len(table_of(key).dimensions)
        changed = {row[:dimensions] for row in missing} & {row[:dimensions] for row in extra}
        if lost := missing.total() - len(changed):
            yield Finding(LOST, f"{_named(key)} lacks {lost} rows")
        if extra:
            yield Finding(DOUBLED, f"{_named(key)} has {extra.total()} rows too many, or with other numbers")

    def _of_ledger(self, ledger: list[LedgerRow]) -> Iterator[Finding]:
        entries = [(PartitionKey(*row[:3]), row.generation) for row in ledger]
        for key, generation in self._plan.newest.items():
            if (key, generation) not in entries:
                yield Finding(LOST, f"the ledger has no generation {generation} of {_named(key)}")
        for known, row in zip(entries, ledger, strict=True):
            if entries.count(known) > 1 or (row.row_count, _sums(row)) != self._announced(known):
                yield Finding(DOUBLED, f"the ledger is wrong about generation {known[1]} of {_named(known[0])}")

    def _announced(self, known: tuple[PartitionKey, int]) -> tuple[int, dict[str, Decimal]]:
        rows = self._plan.contents.get(known, [])
        metrics = [column.name for column in table_of(known[0]).metrics]
        return len(rows), {name: sum((Decimal(row[name]) for row in rows), Decimal(0)) for name in metrics}

    def _of_quarantine(self, quarantine: Mapping[str, QuarantineRow]) -> Iterator[Finding]:
        for number, unload in enumerate(self._plan.unloads):
            row = quarantine.get(self._run_ids[number])
            is_open = row is not None and row.resolved_at is None
            if is_open == (unload.spoilt is not None and number not in self._mended):
                continue
            reason = row.reason if row else "not in quarantine"
            yield Finding(LOST, f"unload {number} ({unload.spoilt or 'good'}) ends as: {reason}")


def _sums(row: LedgerRow) -> dict[str, Decimal]:
    return {name: Decimal(total) for name, total in json.loads(row.sums).items()}


def _named(key: PartitionKey) -> str:
    return f"{key.report_id} of {key.property_id} on {key.date}"
