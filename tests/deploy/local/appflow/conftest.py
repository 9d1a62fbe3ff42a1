"""AppFlow between the real local Google, the real warehouse stand-in and the local AWS endpoint."""

import json
import os
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from deploy.local.appflow.environment import AppFlowSettings
from deploy.local.appflow.service import AppFlow
from deploy.local.aws.endpoint import create_endpoint
from deploy.local.aws.server import EndpointServer
from deploy.local.aws.sts import assume_role_as_service
from deploy.local.clock import EmulatedClock
from deploy.local.ga4.app import create_ga4_app
from deploy.local.ga4.oauth import Grant, TokenIssuer
from deploy.local.ga4.state import Ga4State
from deploy.local.redshift.provision import PostgresServer, Warehouse
from tests.aws import aws_endpoint, clean_aws
from tests.deploy.local.appflow.account import (
    INGEST_USER,
    NOW,
    PROPERTY_ID,
    REFRESH_TOKEN,
    TABLE,
    Account,
    MakeAccount,
    PublishedEvents,
    make_surroundings,
    make_table,
    unchecked_client,
)

__all__ = ["aws_endpoint", "clean_aws"]


@pytest.fixture(scope="session")
def property_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A property with two days of two countries, and one report of more rows than a page has."""
    folder = tmp_path_factory.mktemp("ga4") / PROPERTY_ID
    folder.mkdir()
    settings = {"property_id": PROPERTY_ID, "display_name": "Shop", "time_zone": "Asia/Tokyo", "currency_code": "JPY"}
    (folder / "property.json").write_text(json.dumps(settings))
    _write(folder / "daily.parquet", DAILY, "sessions")
    pages = [("20261118", f"/page/{number}", 1) for number in range(100_001)]
    _write(folder / "pages.parquet", pages, "screenPageViews", dimension="pagePath")
    return folder


DAILY = [
    ("20261118", "Japan", 5),
    ("20261118", "Côte d’Ivoire 🇨🇮", 2),
    ("20261119", "Japan", 7),
    ("20261119", "", 1),
]


def _write(path: Path, rows: list[tuple[str, str, int]], metric: str, dimension: str = "country") -> None:
    days, values, counts = zip(*rows, strict=True)
    pq.write_table(pa.table({"date": list(days), dimension: list(values), metric: list(counts)}), path)


@pytest.fixture(scope="session")
def warehouse() -> Iterator[Warehouse]:
    postgres = PostgresServer(
        os.environ["LOCAL_POSTGRES_HOST"],
        int(os.environ["LOCAL_POSTGRES_PORT"]),
        os.environ["LOCAL_POSTGRES_USER"],
        os.environ["LOCAL_POSTGRES_PASSWORD"],
    )
    warehouse = Warehouse(postgres, f"appflow_{uuid.uuid4().hex[:8]}")
    warehouse.prepare()
    warehouse.connect_as_user(INGEST_USER.strip('"')).close()  # made unless another worker made it already
    warehouse.run_as_admin(
        [
            "CREATE SCHEMA ga4_landing",
            f"GRANT USAGE ON SCHEMA ga4_landing TO {INGEST_USER}",
        ]
    )
    yield warehouse
    with postgres.connect("postgres", autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {warehouse.database} WITH (FORCE)".encode())


@pytest.fixture
def landing(warehouse: Warehouse) -> Iterator[Warehouse]:
    """The warehouse with an empty landing table."""
    make_table(warehouse)
    yield warehouse
    warehouse.run_as_admin([f"DROP TABLE {TABLE}"])


@pytest.fixture
def make_account(clean_aws: str, landing: Warehouse, property_folder: Path, tmp_path: Path) -> Iterator[MakeAccount]:
    """Make an account with AppFlow and its surroundings; `settings` are AppFlowSettings' members."""
    clock = EmulatedClock(tmp_path / "clock.json")
    clock.set(NOW)
    make_surroundings()
    google = Ga4State(TokenIssuer({REFRESH_TOKEN: Grant(None)}))
    google.load(property_folder)
    with ExitStack() as stack:
        ga4 = stack.enter_context(EndpointServer(create_ga4_app(google, clock)))

        def make(**settings: Any) -> Account:
            events = PublishedEvents()
            service = AppFlow(
                clock,
                clean_aws,
                ga4.url,
                landing.connect_as_user,
                events.publish,
                assume_role_as_service,
                AppFlowSettings(**settings),
            )
            stack.callback(service.close)
            endpoint = stack.enter_context(EndpointServer(create_endpoint([service], clock)))
            return Account(service, clock, events, google, landing, unchecked_client(endpoint.url))

        yield make


@pytest.fixture
def bare_account(make_account: MakeAccount) -> Account:
    """An account without connector profiles."""
    return make_account()


@pytest.fixture
def account(bare_account: Account) -> Account:
    """An account with both connector profiles."""
    return bare_account.with_profiles()
