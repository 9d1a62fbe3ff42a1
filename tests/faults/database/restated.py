"""Days that are unloaded twice, and somebody who reads them meanwhile: each is exactly one of the two."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property
from typing import Any, Final

import pymysql

from dataflows.contracts.reports import REPORT_TABLES
from serving.control import PartitionKey
from tests.faults.loading.database import BUCKET, Database
from tests.faults.loading.reader import Held, Reader, Snapshot, Values, stored_values
from tests.faults.loading.rig import unused_property_id
from tests.serving.unloads import Row, UnloadWriter, report_row

EVENTS: Final = REPORT_TABLES["events"]
OLD, NEW = 1, 2
_FIRST_DAY: Final = date(2026, 11, 1)
_AWAY_SECONDS: Final = 0.05

Generations = list[int]


@dataclass(frozen=True)
class Restated:
    """Some days of a property that nobody else has; the new generation has rows changed, added and left out."""

    days: int
    rows_a_day: int
    number: int = field(default_factory=unused_property_id)

    @cached_property
    def keys(self) -> list[PartitionKey]:
        """The days, in their order."""
        return [PartitionKey(str(self.number), "events", _FIRST_DAY + timedelta(day)) for day in range(self.days)]

    def run_id(self, generation: int) -> str:
        """Return the id of the unload of a generation."""
        return self._writer(None, generation).run_id

    def unload(self, client: Any, generation: int) -> str:
        """Write a generation of all days to the bucket; return the key of its control manifest."""
        rows = [row for key in self.keys for row in self._rows(key, generation)]
        return self._writer(client, generation).write(
            rows, {(key.property_id, key.date): generation for key in self.keys}
        )

    def generations_in(self, shown: Snapshot) -> Generations:
        """Return each day's generation; fails when a day is anything else than exactly one generation."""
        return [self.generation_of(key, shown[key]) for key in self.keys]

    def generation_of(self, key: PartitionKey, held: Held) -> int:
        """Return the generation of a day; fails when that is not exactly what is there."""
        assert held.rows == self._contents.get((key, held.generation)), f"{key} is not generation {held.generation}"
        recorded = (self.run_id(held.generation), self.rows_a_day)
        assert (held.run_id, held.row_count) == held.entry == recorded, f"{key} is recorded as {held}"
        return held.generation

    @cached_property
    def _contents(self) -> dict[tuple[PartitionKey, int], Counter[Values]]:
        return {
            (key, generation): Counter(stored_values(EVENTS, row) for row in self._rows(key, generation))
            for key in self.keys
            for generation in (OLD, NEW)
        }

    def _rows(self, key: PartitionKey, generation: int) -> list[Row]:
        """Return the rows of a day: one in ten is of its generation only, of the others every third changes."""
        gone = self.rows_a_day // 10 * (generation - OLD)
        return [
            report_row(
                EVENTS,
                key.property_id,
                key.date,
                [f"event {number}"],
                event_count=number + 1 + self._change(number, generation),
            )
            for number in range(gone, gone + self.rows_a_day)
        ]

    def _change(self, number: int, generation: int) -> int:
        return 0 if number % 3 else generation

    def _writer(self, client: Any, generation: int) -> UnloadWriter:
        return UnloadWriter.of(client, BUCKET, EVENTS.name, self.number * 10 + generation)


class Watch:
    """Reads the days over and over, whether the server is there or not, and keeps what nobody may see."""

    def __init__(self, database: Database, restated: Restated) -> None:
        self._database, self._restated = database, restated
        self._is_over = threading.Event()
        self._seen: Generations = [0] * restated.days
        self._findings: list[str] = []
        self.looks = 0

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Read meanwhile; fails at the end when a day was torn, or went back to an older generation."""
        thread = threading.Thread(target=self._read, name="reader")
        thread.start()
        try:
            yield
        finally:
            self._is_over.set()
            thread.join()
        assert self._findings == []
        assert self.looks

    def _read(self) -> None:
        while not self._is_over.is_set():
            try:
                with self._database.connect() as session:
                    reader = Reader(session, self._restated.keys)
                    while not self._is_over.is_set():
                        self._judge(reader.look())
            except (pymysql.err.OperationalError, pymysql.err.InterfaceError):
                self._is_over.wait(_AWAY_SECONDS)  # the server is away

    def _judge(self, shown: Snapshot) -> None:
        self.looks += 1
        try:
            found = self._restated.generations_in(shown)
        except AssertionError as torn:
            self._findings.append(str(torn))
            return
        if any(now < before for now, before in zip(found, self._seen, strict=True)):
            self._findings.append(f"it went back from {self._seen} to {found}")
        self._seen = found
