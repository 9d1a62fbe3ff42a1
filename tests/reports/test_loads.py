"""The last hop on a data flow's page: its rows being loaded, in the journey of the request that they follow from."""

import uuid
from datetime import date, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from dataflows.models import DataFlow, TimelineEntry
from tests.dataflows.pages import journeys_on
from tests.reports.conftest import add_load

REQUEST = UUID("5c0ffee0-0000-4000-8000-000000000002")


@pytest.fixture
def page(client: Client, operator: User) -> Client:
    client.force_login(operator)
    return client


def add_entry(data_flow: DataFlow, station: str, status: str, seconds_ago: float = 0, **changes: Any) -> None:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    fields = {"correlation_id": REQUEST, "station": station, "status": status, "occurred_at": at}
    entry = TimelineEntry.objects.create(data_flow=data_flow, **{**fields, **changes})
    TimelineEntry.objects.filter(event_id=entry.event_id).update(recorded_at=at)


def hops(client: Client, data_flow: DataFlow) -> dict[UUID, list[str]]:
    return journeys_on(client.get(f"/data-flows/{data_flow.id}/").content.decode())


def test_rows_are_loaded_in_the_journey_of_their_request(page: Client, data_flow: DataFlow) -> None:
    other = uuid.uuid4()
    add_entry(data_flow, "submit", "backfill", 9)
    add_entry(data_flow, "submit", "backfill", 3, correlation_id=other)
    for number in (1, 2):
        add_load(data_flow.property_id, REQUEST, date=date(2026, 11, number), row_count=2_000)
    add_load(data_flow.property_id, REQUEST, report_id="custom_by_system", row_count=1)
    assert hops(page, data_flow) == {
        other: ["Submit Backfill"],
        REQUEST: [
            "Submit Backfill",
            "Upsert Loaded Daily totals 4,000 rows of 2 days",
            "Upsert Loaded By system 1 row of 1 day",
        ],
    }


def test_each_unload_is_a_hop_of_its_own(page: Client, data_flow: DataFlow) -> None:
    add_entry(data_flow, "submit", "queued", 9)
    for number, rows in enumerate((5, 7), start=1):
        add_load(data_flow.property_id, REQUEST, generation=number, run_id=f"{number:032x}", row_count=rows)
    assert hops(page, data_flow)[REQUEST][1:] == [
        "Upsert Loaded Daily totals 5 rows of 1 day",
        "Upsert Loaded Daily totals 7 rows of 1 day",
    ]


def test_a_load_stands_after_its_unload_and_before_what_came_later(page: Client, data_flow: DataFlow) -> None:
    add_load(data_flow.property_id, REQUEST, loaded_at=timezone.now() - timedelta(seconds=100))
    add_entry(data_flow, "refresh", "refreshed", 105, report="daily_totals")
    add_entry(data_flow, "unload", "unloaded", 98, report="daily_totals")  # its answer took longer than the rows
    add_entry(data_flow, "ingest", "started", 10, report="daily_totals")
    assert [hop.split()[0] for hop in hops(page, data_flow)[REQUEST]] == ["Refresh", "Unload", "Upsert", "Ingest"]


def test_what_another_property_loaded_under_the_same_id_is_not_shown(page: Client, data_flow: DataFlow) -> None:
    add_entry(data_flow, "submit", "queued")
    add_load("42", REQUEST)
    add_load(data_flow.property_id, None)
    assert hops(page, data_flow)[REQUEST] == ["Submit Queued"]


def test_report_that_left_the_data_flow_is_shown_by_its_name_as_text(page: Client, data_flow: DataFlow) -> None:
    add_entry(data_flow, "submit", "queued")
    add_load(data_flow.property_id, REQUEST, report_id="<b>gone</b>")
    assert "&lt;b&gt;gone&lt;/b&gt;" in page.get(f"/data-flows/{data_flow.id}/").content.decode()


def test_page_needs_as_many_queries_for_many_loads_as_for_one(
    page: Client, data_flow: DataFlow, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    add_entry(data_flow, "submit", "queued", 9)
    add_load(data_flow.property_id, REQUEST)
    with CaptureQueriesContext(connection) as few:
        assert len(hops(page, data_flow)[REQUEST]) == 2
    for number in range(9):
        request = uuid.uuid4()
        for station in ("submit", "unload"):
            add_entry(data_flow, station, "queued", correlation_id=request)
        for generation in range(2, 5):
            add_load(data_flow.property_id, request, generation=generation, date=date(2026, 11, number + 1))
    with django_assert_num_queries(len(few)):
        assert {len(found) for found in hops(page, data_flow).values()} == {2, 3}
