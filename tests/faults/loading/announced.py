"""The unloads of a plan as objects in the bucket, written when they are first announced."""

from collections import Counter
from collections.abc import Iterable
from typing import Any

from dataflows.contracts.reports import REPORT_TABLES
from serving.control import PartitionKey
from tests.faults.loading.contents import table_of
from tests.faults.loading.database import BUCKET
from tests.faults.loading.messages import Message
from tests.faults.loading.objects import ObjectServer
from tests.faults.loading.plan import Plan, PlannedUnload
from tests.faults.loading.rekeying import Hash, rekeyed
from tests.faults.loading.spoiling import write_unload
from tests.serving.unloads import UnloadWriter


class AnnouncedUnloads:
    """Knows of each unload whether its objects are there, still spoilt, or mended."""

    def __init__(self, plan: Plan, server: ObjectServer, numbers: Iterable[int], bad_key: Hash | None) -> None:
        """Write a plan's unloads to the server as runs of these numbers, keyed in another way if one is given."""
        self._plan, self._server, self._bad_key = plan, server, bad_key
        self._writers = [_writer(server, unload, number) for unload, number in zip(plan.unloads, numbers, strict=True)]
        self._spoilt: dict[int, str | None] = {}
        self.fired: Counter[str] = Counter()

    @property
    def run_ids(self) -> list[str]:
        """The run id of each unload, in the plan's order."""
        return [writer.run_id for writer in self._writers]

    def announce(self, message: Message) -> str:
        """Return the key of a message's control manifest, once the objects are as they are to be found."""
        number = message.arrival.unload
        if message.arrival.mended:
            self._write(number, None)
        elif number not in self._spoilt:
            self._write(number, self._plan.unloads[number].spoilt)
        if kind := self._spoilt[number]:
            self.fired[kind] += 1
        return self._writers[number].manifest_key

    def _write(self, number: int, spoilt: str | None) -> None:
        unload = self._plan.unloads[number]
        generations = {_columns(key): generation for key, generation in unload.generations.items()}
        writer = self._writers[number]
        rows = self._plan.rows_of(unload)
        if self._bad_key:
            rows = rekeyed(writer.table, rows, self._bad_key)
        write_unload(writer, self._server.objects, rows, generations, spoilt)
        self._spoilt[number] = spoilt


def _columns(key: PartitionKey) -> tuple[Any, ...]:
    report = (key.report_id,) if table_of(key).is_custom else ()
    return (key.property_id, *report, key.date)


def _writer(server: ObjectServer, unload: PlannedUnload, number: int) -> UnloadWriter:
    client: Any = server  # it has the one method that the writer calls
    return UnloadWriter(client, BUCKET, REPORT_TABLES[unload.table_name], f"{number:032x}", unload.rows_a_part)
