"""The loader's connection is cut around the COMMIT: it can't know what came of it, and another try finds out.

Each cut is after a byte of its own. The sizes are those of the connection's end as TLS 1.3 carries it: a packet of
MySQL's is 4 bytes and its content, a record 22 bytes more.
"""

import logging
import random
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

import boto3
import pytest
from django.db import transaction

from dataflows.contracts.errors import TransientError
from reports.models import LedgerEntry, Partition, Quarantine
from serving.config import Config
from serving.unload_files import UnloadBucket
from serving.upsert import upsert_report
from tests.faults.database.restated import NEW, OLD, Restated, Watch
from tests.faults.loading.database import Database
from tests.faults.loading.objects import ObjectServer
from tests.faults.loading.reader import Reader
from tests.faults.proxy import Direction, FaultProxy, Traffic

_RECORD_BYTES: Final = 22 + 4
_COMMIT_BYTES: Final = _RECORD_BYTES + len("xCOMMIT")  # the command's number, and its words
_QUIT_BYTES: Final = _RECORD_BYTES + 1
_OK_BYTES: Final = _RECORD_BYTES + 7
_LONGEST_DELAY_SECONDS: Final = 0.002
_PATIENCE_SECONDS: Final = 4  # of a loader whose statement is not answered


@dataclass(frozen=True)
class Cut:
    """Where the connection is cut: so many bytes are missing at the end of the COMMIT, or of the answer to it."""

    direction: Direction
    missing_bytes: int

    @classmethod
    def at_random(cls, randomly: random.Random) -> "Cut":
        """Some are before the COMMIT, most in it or in its answer."""
        if randomly.random() < 0.5:
            return cls("requests", randomly.choice((0, 1, randomly.randint(2, 2 * _COMMIT_BYTES))))
        return cls("answers", randomly.randint(1, 2 * _OK_BYTES))

    def bytes_of(self, session: Traffic) -> int:
        """Return how many bytes arrive, given what the whole session takes."""
        after_commit = _QUIT_BYTES if self.direction == "requests" else 0
        return session[self.direction] - after_commit - self.missing_bytes


@dataclass
class Loads:
    """Loads through cables that may be cut, and what is stored afterwards."""

    database: Database
    objects: ObjectServer
    config: Config
    bucket: UnloadBucket
    caplog: pytest.LogCaptureFixture

    def load(self, manifest_key: str, port: int | None = None) -> int:
        """Load as the function does; returns how many rows were written."""
        config = self.config.model_copy(update={"database_port": port or self.database.port})
        return upsert_report(config, self.bucket, manifest_key)

    def is_cut_off(self, manifest_key: str, port: int) -> bool:
        """Load through a cable; return whether the load would be tried again."""
        try:
            self.load(manifest_key, port)
        except TransientError:
            return True
        return False

    def generation(self, restated: Restated) -> int:
        """Return which generation is stored, once the loader's transaction has ended one way or the other."""
        with transaction.atomic():  # the lock is the loader's until then
            Partition.objects.select_for_update().get(property_id=str(restated.number))
        return self.shown(restated)

    def shown(self, restated: Restated) -> int:
        """Return which generation a reader sees."""
        with self.database.connect() as session:
            (generation,) = restated.generations_in(Reader(session, restated.keys).look())
        return generation

    def result(self) -> dict[str, Any]:
        """Return what the last load logged of its partitions."""
        (told,) = (vars(record) for record in self.caplog.records if record.message == "loaded")
        return {name: told[name] for name in ("partitions_loaded", "partitions_unchanged")}


@pytest.fixture
def loads(
    database: Database,
    objects: ObjectServer,
    config: Config,
    transactional_db: None,
    caplog: pytest.LogCaptureFixture,
) -> Loads:
    caplog.set_level(logging.INFO)
    return Loads(database, objects, config, UnloadBucket.of(boto3.client("s3"), config), caplog)


@pytest.mark.parametrize("cuts", [12, pytest.param(200, marks=pytest.mark.slow)])
def test_connection_cut_around_the_commit_leaves_old_or_new_and_the_next_try_finds_out_which(
    cuts: int, loads: Loads
) -> None:
    randomly = random.Random(cuts)  # noqa: S311 - to be repeated
    session = traffic_of_a_load(loads)

    found = Counter(left_by(Cut.at_random(randomly), session, loads) for _ in range(cuts))

    assert found[OLD] >= cuts // 10
    assert found[NEW] >= cuts // 10


@pytest.mark.parametrize(
    ("direction", "left"), [("requests", OLD), pytest.param("answers", NEW, marks=pytest.mark.slow)]
)
def test_commit_or_answer_that_never_arrives_is_given_up_and_settled_once_the_server_has_given_up_too(
    direction: Direction, left: int, loads: Loads, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, restated = traffic_of_a_load(loads), Restated(days=1, rows_a_day=10)
    loads.load(restated.unload(loads.objects, OLD))
    manifest_key = restated.unload(loads.objects, NEW)
    lost_bytes = _COMMIT_BYTES if direction == "requests" else _OK_BYTES // 2
    with Watch(loads.database, restated).watching(), FaultProxy(loads.database.port) as proxy:
        proxy.lose(direction, after_bytes=Cut(direction, lost_bytes).bytes_of(session))
        with monkeypatch.context() as patch:
            patch.setattr("serving.mysql._STATEMENT_SECONDS", _PATIENCE_SECONDS)
            assert loads.is_cut_off(manifest_key, proxy.port)
        assert loads.shown(restated) == left  # while a lost COMMIT's session still holds its lock
        proxy.heal()
        assert loads.generation(restated) == left
        check_next_try(loads, restated, manifest_key, left)


def traffic_of_a_load(loads: Loads) -> Traffic:
    """Return what the session that loads sends and is answered, from its first byte to its last."""
    restated = Restated(days=1, rows_a_day=10)
    loads.load(restated.unload(loads.objects, OLD))
    with FaultProxy(loads.database.port) as proxy:
        loads.load(restated.unload(loads.objects, NEW), proxy.port)
        return proxy.traffic[0]


def left_by(cut: Cut, session: Traffic, loads: Loads) -> int:
    """Have a load cut off there; return the generation that it leaves, once the next try has come to the new one."""
    restated = Restated(days=1, rows_a_day=10)
    loads.load(restated.unload(loads.objects, OLD))
    manifest_key = restated.unload(loads.objects, NEW)
    with Watch(loads.database, restated).watching():
        with FaultProxy(loads.database.port, seed=cut.missing_bytes) as proxy:
            proxy.delay(_LONGEST_DELAY_SECONDS)
            proxy.cut_after(cut.direction, cut.bytes_of(session))
            assert loads.is_cut_off(manifest_key, proxy.port), cut
            assert proxy.cuts == 1
        left = loads.generation(restated)
        if cut.direction == "requests":
            assert left == (OLD if cut.missing_bytes else NEW), cut
        check_next_try(loads, restated, manifest_key, left)
    return left


def check_next_try(loads: Loads, restated: Restated, manifest_key: str, left: int) -> None:
    """Load once more: what is there already is not written again, and the ledger has each generation once."""
    loads.caplog.clear()
    is_new = left == NEW
    assert (loads.load(manifest_key) == 0) is is_new
    assert loads.result() == {"partitions_loaded": not is_new, "partitions_unchanged": is_new}
    assert loads.generation(restated) == NEW
    entries = LedgerEntry.objects.filter(property_id=str(restated.number)).order_by("generation")
    assert list(entries.values_list("generation", flat=True)) == [OLD, NEW]
    assert not Quarantine.objects.exists()
