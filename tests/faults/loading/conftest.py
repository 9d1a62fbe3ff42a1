"""A rig that loads into the tests' own database."""

from collections.abc import Iterator

import pytest
from django.db import connection

from tests.faults.loading.database import Database
from tests.faults.loading.rig import Rig


@pytest.fixture(scope="module")
def rig(django_db_setup: None) -> Iterator[Rig]:
    with Rig(Database.from_environment(str(connection.settings_dict["NAME"]))) as rig:
        yield rig
