"""A bucket whose objects cost nothing, the tests' own database, and the settings of a loader that uses both."""

import functools
from collections.abc import Iterator

import boto3
import pytest
from django.db import connection

from serving.config import Config
from tests.faults.loading.database import OWNER, Database
from tests.faults.loading.objects import ObjectServer


@pytest.fixture
def database(django_db_setup: None) -> Database:
    return Database.from_environment(str(connection.settings_dict["NAME"]))


@pytest.fixture
def objects(database: Database) -> Iterator[ObjectServer]:
    with ObjectServer(OWNER, database.password) as server:
        yield server


@pytest.fixture
def config(database: Database, objects: ObjectServer, monkeypatch: pytest.MonkeyPatch) -> Config:
    for name, value in database.loader_environment(objects.url).items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", None)  # it would keep the credentials of an earlier test
    monkeypatch.setattr(boto3, "client", functools.cache(boto3.client))  # making one takes longer than a small load
    return Config.from_environment()
