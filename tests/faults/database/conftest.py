"""A bucket whose objects cost nothing, and the tests' own database."""

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.faults.loading.database import OWNER, Database
from tests.faults.loading.objects import ObjectServer


@pytest.fixture
def database(transactional_db: None) -> Database:
    return Database.from_environment(str(connection.settings_dict["NAME"]))


@pytest.fixture
def objects(database: Database) -> Iterator[ObjectServer]:
    with ObjectServer(OWNER, database.password) as server:
        yield server
