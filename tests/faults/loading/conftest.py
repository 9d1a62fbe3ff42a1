"""The tests' own database, and a rig that loads into it."""

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.faults.loading.database import Database
from tests.faults.loading.rig import Rig


@pytest.fixture(scope="module")
def database(django_db_setup: None) -> Database:
    return Database.from_environment(str(connection.settings_dict["NAME"]))


@pytest.fixture(scope="module")
def rig(database: Database) -> Iterator[Rig]:
    with Rig(database) as rig:
        yield rig
