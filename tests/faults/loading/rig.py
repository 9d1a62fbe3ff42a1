"""Everything that schedules need, kept for many of them: sessions, a bucket, warm loaders."""

import itertools
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final, Self

import pymysql
from pymysql.constants import ER

from serving.control import PartitionKey
from tests.faults.loading.announced import AnnouncedUnloads
from tests.faults.loading.database import OWNER, Database
from tests.faults.loading.judge import Finding, Judge, LedgerRow, QuarantineRow
from tests.faults.loading.loaders import Nursery
from tests.faults.loading.objects import ObjectServer
from tests.faults.loading.plan import Plan, make_plan
from tests.faults.loading.reader import Reader
from tests.faults.loading.rekeying import BAD_KEYS
from tests.faults.loading.schedule import Schedule
from tests.faults.loading.workers import Surroundings, Worker

_LOADERS: Final = 2
_LEDGER: Final = """
SELECT property_id, report_id, date, generation, row_count, sums FROM report_ledger WHERE property_id IN %s
"""
_QUARANTINE: Final = "SELECT run_id, reason, resolved_at FROM report_quarantine WHERE run_id IN %s"

_numbers = itertools.count(1)


def unused_property_id() -> int:
    """Return an id that, like the one after it, no other schedule of this database has."""
    return 2 * _unused_number()


def _unused_number() -> int:
    return os.getpid() * 10**11 + next(_numbers)


@dataclass(frozen=True)
class Outcome:
    """What came of a schedule; `steps` says which loader left which point, in order."""

    deliveries: int
    findings: list[Finding]
    fired: Counter[str]
    steps: list[str]

    @property
    def repeats(self) -> bool:
        """Whether it did not depend on the clock: stepped, and nobody killed in the middle of a step."""
        return not self.fired["running_freely"] and not self.fired["killed_running"]


class Rig:
    """Runs schedules one after another; a context manager. Several processes may share a database."""

    def __init__(self, database: Database) -> None:
        """Prepare to load into a database."""
        self._database = database
        self._server = ObjectServer(OWNER, database.password)
        self._resources = ExitStack()
        self._crews: dict[str | None, list[Worker]] = {}

    def __enter__(self) -> Self:
        self._resources.enter_context(self._server)
        self._nursery = self._resources.enter_context(Nursery(self._database.loader_environment(self._server.url)))
        self._session, self._background = (self._resources.enter_context(self._database.connect()) for _ in range(2))
        return self

    def __exit__(self, *_: object) -> None:
        for plant in list(self._crews):
            self.dismiss(plant)
        self._resources.close()

    def dismiss(self, plant: str | None) -> None:
        """End the loaders that have this planted bug."""
        for worker in self._crews.pop(plant, ()):
            worker.loader.close()

    def run(self, seed: int, plant: str | None = None) -> Outcome:
        """Carry out the plan of a seed, with a bug planted if one is named."""
        return self.carry_out(make_plan(seed, unused_property_id()), plant)

    def carry_out(self, plan: Plan, plant: str | None = None) -> Outcome:
        """Carry out a plan, with a bug planted if one is named."""
        self._server.objects.clear()
        numbers = [_unused_number() for _ in plan.unloads]
        unloads = AnnouncedUnloads(plan, self._server, numbers, BAD_KEYS.get(plant or ""))
        judge, keys = Judge(plan, unloads.run_ids), list(plan.newest)
        surroundings = Surroundings(lambda: self._nursery.loader(plant), self._kill_session, unloads.announce)
        schedule = Schedule(plan, judge, Reader(self._session, keys), self._crew(plant), surroundings)
        with self._reading_meanwhile(judge, keys, is_wanted=plan.is_free) as findings:
            schedule.run()
        findings.extend(schedule.findings)
        findings.extend(self._at_the_end(judge, keys, unloads.run_ids))
        fired = schedule.fired + unloads.fired + Counter(plan.changes) + Counter(running_freely=plan.is_free)
        return Outcome(schedule.deliveries, findings, fired, schedule.steps)

    def _crew(self, plant: str | None) -> list[Worker]:
        if plant not in self._crews:
            self._crews[plant] = [Worker(self._nursery.loader(plant)) for _ in range(_LOADERS)]
        return self._crews[plant]

    def _kill_session(self, number: int) -> None:
        with self._session.cursor() as cursor:
            try:
                cursor.execute("KILL CONNECTION %s", (number,))
            except pymysql.err.OperationalError as error:
                if error.args[0] != ER.NO_SUCH_THREAD:  # it was killed before
                    raise

    @contextmanager
    def _reading_meanwhile(self, judge: Judge, keys: list[PartitionKey], *, is_wanted: bool) -> Iterator[list[Finding]]:
        """Read without a pause in a thread, if wanted; what it finds is complete afterwards."""
        findings: list[Finding] = []
        is_over = threading.Event()
        reader, seen = Reader(self._background, keys), dict[PartitionKey, int]()

        def read() -> None:
            while not is_over.is_set():
                findings.extend(judge.of_snapshot(reader.look(), seen))

        thread = threading.Thread(target=read, name="reader")
        if is_wanted:
            thread.start()
        try:
            yield findings
        finally:
            is_over.set()
            if is_wanted:
                thread.join()

    def _at_the_end(self, judge: Judge, keys: list[PartitionKey], run_ids: list[str]) -> Iterator[Finding]:
        shown = Reader(self._session, keys).look()
        with self._session.cursor() as cursor:
            cursor.execute(_LEDGER, (sorted({key.property_id for key in keys}),))
            ledger = [LedgerRow(*row) for row in cursor.fetchall()]
            cursor.execute(_QUARANTINE, (run_ids,))
            quarantine = [QuarantineRow(*row) for row in cursor.fetchall()]
        yield from judge.of_snapshot(shown, {})
        yield from judge.at_the_end(shown, ledger, quarantine)
