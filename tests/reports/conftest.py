"""People, a registered property, and rows in MySQL as the loader writes them."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from dataflows.contracts.keys import dimension_hash
from dataflows.contracts.reports import REPORT_TABLES
from dataflows.models import DataFlow, PropertyGrant
from reports.models import REPORT_MODELS, LedgerEntry, Partition
from tests.dataflows.conftest import unsaved_data_flow

ALL_REPORTS = [{"slug": slug} for slug in REPORT_TABLES if slug != "custom"]
AddRow = Callable[..., None]


@pytest.fixture
def operator(db: None) -> User:
    user = User.objects.create_user("operator")
    user.groups.add(Group.objects.get(name="operator"))
    return user


@pytest.fixture
def data_flow(operator: User) -> DataFlow:
    custom = {"custom": {"name": "by_system", "dimensions": ["operatingSystem"], "metrics": ["sessions", "totalUsers"]}}
    data_flow = unsaved_data_flow(reports=[*ALL_REPORTS, custom], created_by=operator, currency_code="EUR")
    data_flow.save(force_insert=True)
    return data_flow


@pytest.fixture
def analyst(data_flow: DataFlow) -> User:
    user = User.objects.create_user("analyst")
    user.groups.add(Group.objects.get(name="analyst"))
    PropertyGrant.objects.create(user=user, data_flow=data_flow)
    return user


@pytest.fixture
def stranger(db: None) -> User:
    user = User.objects.create_user("stranger")
    user.groups.add(Group.objects.get(name="analyst"))
    return user


@pytest.fixture
def short_statements(db: None) -> Iterator[None]:
    """The database ends what takes a second."""
    with connection.cursor() as cursor:
        cursor.execute("SET SESSION max_statement_time = 1")
        yield
        cursor.execute("SET SESSION max_statement_time = 20")


@pytest.fixture
def locked_pages(data_flow: DataFlow) -> Iterator[None]:
    """Something is loaded of the pages, but another session keeps everybody from reading it."""
    at = datetime(2026, 11, 2, tzinfo=UTC)
    Partition.objects.create(
        property_id=data_flow.property_id,
        report_id="pages",
        date=date(2026, 11, 1),
        generation=1,
        row_count=1,
        run_id="0" * 32,
        loaded_at=at,
    )
    other = connection.copy()
    with other.cursor() as cursor:
        cursor.execute("LOCK TABLES report_pages WRITE")
        yield
        cursor.execute("UNLOCK TABLES")
    other.close()


@pytest.fixture
def add_row(db: None) -> AddRow:
    return add_report_row


def add_report_row(
    table_name: str,
    day: date,
    dimensions: tuple[str | None, ...] = (),
    property_id: str = "123456789",
    report_id: str = "",
    **values: Any,
) -> None:
    """Write one row and its partition, as the loader would."""
    table = REPORT_TABLES[table_name]
    names = [column.name for column in table.dimensions]
    numbers = {column.name: values.get(column.name, 0) for column in table.metrics}
    slug = report_id or table_name
    REPORT_MODELS[table_name]._default_manager.create(
        property_id=property_id,
        **({"report_id": slug} if table.is_custom else {}),
        date=day,
        dimension_hash=bytes.fromhex(dimension_hash(dimensions)),
        **dict(zip(names, dimensions, strict=False)),
        **numbers,
    )
    key = {"property_id": property_id, "report_id": slug, "date": day}
    loaded = {"generation": 1, "row_count": 1, "run_id": "a" * 32, "loaded_at": datetime.now(UTC)}
    if not Partition.objects.filter(**key).exists():
        Partition.objects.create(**key, **loaded)


def add_load(property_id: str, correlation_id: UUID | None, **changes: Any) -> None:
    """Write what the ledger says of one loaded day, as the loader would."""
    fields = {
        "report_id": "daily_totals",
        "date": date(2026, 11, 1),
        "generation": 1,
        "run_id": "b" * 32,
        "manifest_key": f"daily_totals/{'b' * 32}/control/manifest",
        "row_count": 1,
        "rows_inserted": 1,
        "rows_updated": 0,
        "rows_deleted": 0,
        "sums": {},
        "loaded_at": datetime.now(UTC),
    }
    LedgerEntry.objects.create(property_id=property_id, correlation_id=correlation_id, **{**fields, **changes})
