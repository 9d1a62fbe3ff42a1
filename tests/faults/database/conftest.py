"""A bucket whose objects cost nothing, the tests' own database, and the settings of a loader that uses both."""

import functools
from collections.abc import Iterator

import boto3
import pytest
from django.db import connection

from serving.config import Config
from tests.faults.loading.database import OWNER, Database
from tests.faults.loading.objects import ObjectServer


@pytest.fixture(scope="module")
def database(django_db_setup: None) -> Database:
    return Database.from_environment(str(connection.settings_dict["NAME"]))


@pytest.fixture(scope="module")
def objects(database: Database) -> Iterator[ObjectServer]:
    with ObjectServer(OWNER, database.password) as server:
        yield server


@pytest.fixture(scope="module")
def config(database: Database, objects: ObjectServer) -> Iterator[Config]:
    with pytest.MonkeyPatch.context() as patch:
        for name, value in database.loader_environment(objects.url).items():
            patch.setenv(name, value)
        patch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep the credentials of an earlier test
        patch.setattr(boto3, "client", functools.cache(boto3.client))  # making one takes longer than a small load
        yield Config.from_environment()
