"""A durable MariaDB of our own, to be killed, and a loader that is asked to load into it."""

import select
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from deploy.local.servers.certificates import ensure_certificates
from deploy.local.servers.mariadb import MariadbServer, start_mariadb
from deploy.local.state import SHARED_PREFIX, make_shared_folder
from tests.faults.loading.database import Database
from tests.faults.loading.loaders import Answered, Loader, Stop
from tests.faults.loading.messages import sqs_event

TABLES: Final = ("report_events", "report_partition", "report_ledger", "report_quarantine")


@dataclass
class MortalServer:
    """A MariaDB that keeps what was committed, whenever it dies."""

    folder: Path
    running: MariadbServer

    @property
    def database(self) -> Database:
        """Return its database."""
        found = self.running
        return Database(found.port, found.database, found.user, found.password, str(found.ca_path))

    def kill(self) -> None:
        """Let it die by SIGKILL."""
        self.running.process.popen.kill()
        self.running.process.popen.wait()

    def revive(self) -> None:
        """Start it again where it was, with what it has on disk."""
        self.running = _started(self.folder, self.running.port)


@contextmanager
def mortal_server(like: Database) -> Iterator[MortalServer]:
    """Start one with the loader's tables, as another database has them; stop and remove it at the end."""
    folder = make_shared_folder(f"{SHARED_PREFIX}mortal-")
    try:
        server = MortalServer(folder, _started(folder))
        try:
            _copy_tables(like, server.database)
            yield server
        finally:
            server.running.stop()
    finally:
        shutil.rmtree(folder)


def _started(folder: Path, port: int | None = None) -> MariadbServer:
    certificates = ensure_certificates(folder / "certificates")
    return start_mariadb(folder / "mariadb", certificates=certificates, log_path=folder / "mariadb.log", port=port)


def _copy_tables(source: Database, target: Database) -> None:
    with source.connect() as one, target.connect() as other, one.cursor() as asked, other.cursor() as told:
        for table in TABLES:
            asked.execute(f"SHOW CREATE TABLE {table}")
            ((_, statement),) = asked.fetchall()
            told.execute(statement)


@dataclass(frozen=True)
class Death:
    """When the server is killed: while the loader stands at its stop of this number, or so long after it has left."""

    stop: int
    seconds_after: float | None = None


@dataclass(frozen=True)
class Load:
    """What became of a load: the points its loader came to until the server died, and whether it is tried again."""

    points: list[str]
    is_given_back: bool


def load(loader: Loader, manifest_key: str, server: MortalServer, death: Death | None = None) -> Load:
    """Have an unload loaded, and the server killed meanwhile."""
    loader.begin(sqs_event([manifest_key]), {})
    points: list[str] = []
    is_alive = True
    while isinstance(news := loader.expect_news(), Stop):
        if is_alive:
            points.append(news.point)
        if is_alive and death and len(points) > death.stop:
            _kill_meanwhile(loader, server, death)
            is_alive = False
        else:
            loader.go_on()
    assert isinstance(news, Answered), news
    return Load(points, bool(news.failed))


def _kill_meanwhile(loader: Loader, server: MortalServer, death: Death) -> None:
    if death.seconds_after is None:
        server.kill()
    loader.go_on()
    if death.seconds_after is not None:
        select.select([loader], [], [], death.seconds_after)
        server.kill()
