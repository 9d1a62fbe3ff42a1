"""MariaDB is killed under a load and started again: each day is old or new, and one more try makes all of them new."""

import random
from collections.abc import Iterator
from typing import Final

import pytest

from tests.faults.database.mortal import Death, MortalServer, load, mortal_server
from tests.faults.database.restated import NEW, OLD, Restated, Watch
from tests.faults.loading.database import OWNER, Database
from tests.faults.loading.loaders import Loader, Nursery
from tests.faults.loading.objects import ObjectServer
from tests.faults.loading.reader import Reader

_DAYS: Final = 3
_ROWS: Final = 20
_LONGEST_SECONDS: Final = 0.01  # of what a loader does between two points
# Each in the second day: the first is new by then. None: the loader stands there; else it has just gone on.
_NAMED: Final = (
    ("after_lock", None),
    ("between_statements", 0.0),
    ("after_rows", None),
    ("before_commit", 0.0),
    ("after_commit", None),
)

_LEDGER: Final = "SELECT date, generation FROM report_ledger WHERE property_id = %s ORDER BY date, generation"
_QUARANTINE: Final = "SELECT COUNT(*) FROM report_quarantine"

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(database: Database) -> Iterator[MortalServer]:
    with mortal_server(database) as started:
        yield started


@pytest.fixture
def bucket(server: MortalServer) -> Iterator[ObjectServer]:
    with ObjectServer(OWNER, server.database.password) as objects:
        yield objects


@pytest.fixture
def loader(server: MortalServer, bucket: ObjectServer) -> Iterator[Loader]:
    with Nursery(server.database.loader_environment(bucket.url)) as nursery:
        loader = nursery.loader()
        yield loader
        loader.close()


def test_server_killed_at_named_points_leaves_each_day_old_or_new(
    server: MortalServer, bucket: ObjectServer, loader: Loader
) -> None:
    points = points_of_a_load(server, bucket, loader)

    first_day, second_day, *_ = (number for number, point in enumerate(points) if point == "after_commit")

    for name, seconds_after in _NAMED:
        stops = [number for number in range(first_day + 1, second_day + 1) if points[number] == name]
        left = check_killed(server, bucket, loader, Death(stops[len(stops) // 2], seconds_after))
        assert (left[0], left[-1]) == (NEW, OLD)


@pytest.mark.slow
def test_server_killed_at_random_moments_leaves_each_day_old_or_new(
    server: MortalServer, bucket: ObjectServer, loader: Loader
) -> None:
    randomly = random.Random(50)  # noqa: S311 - to be repeated
    points = points_of_a_load(server, bucket, loader)

    for _ in range(50):
        seconds_after = randomly.choice((None, randomly.uniform(0, _LONGEST_SECONDS)))
        check_killed(server, bucket, loader, Death(randomly.randrange(len(points) - 1), seconds_after))


def points_of_a_load(server: MortalServer, bucket: ObjectServer, loader: Loader) -> list[str]:
    """Return the points that a loader comes to while it restates some days and nobody dies."""
    restated = Restated(_DAYS, _ROWS)
    load(loader, restated.unload(bucket, OLD), server)
    return load(loader, restated.unload(bucket, NEW), server).points


def check_killed(server: MortalServer, bucket: ObjectServer, loader: Loader, death: Death) -> list[int]:
    """Kill the server while days are restated, start it again and load once more; return what each day was between."""
    restated = Restated(_DAYS, _ROWS)
    load(loader, restated.unload(bucket, OLD), server)
    manifest_key = restated.unload(bucket, NEW)
    with Watch(server.database, restated).watching():
        done = load(loader, manifest_key, server, death)
        server.revive()
        left = generations(server.database, restated)
        assert left == sorted(left, reverse=True)  # the days are loaded in their order
        assert left.count(NEW) >= min(done.points.count("after_commit"), _DAYS)  # what was committed has stayed
        assert done.is_given_back or left == [NEW] * _DAYS
        check_ledger(server.database, restated, left)

        assert not load(loader, manifest_key, server).is_given_back

        assert generations(server.database, restated) == [NEW] * _DAYS
        check_ledger(server.database, restated, [NEW] * _DAYS)
    return left


def generations(database: Database, restated: Restated) -> list[int]:
    """Return each day's generation; fails when a day is not exactly one."""
    with database.connect() as session:
        return restated.generations_in(Reader(session, restated.keys).look())


def check_ledger(database: Database, restated: Restated, newest: list[int]) -> None:
    """Check that the ledger has each generation that came to be, once, and that nothing is in quarantine."""
    with database.connect() as session, session.cursor() as cursor:
        cursor.execute(_LEDGER, (str(restated.number),))
        wanted = [
            (key.date, one) for key, last in zip(restated.keys, newest, strict=True) for one in range(OLD, last + 1)
        ]
        assert list(cursor.fetchall()) == wanted
        cursor.execute(_QUARANTINE)
        assert cursor.fetchone() == (0,)
