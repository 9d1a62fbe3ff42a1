"""A warehouse that does not answer: on the page and timeline of each active data flow until it does."""

import json
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from dataflows.answers import answer_parse, answer_record
from dataflows.models import DataFlow, WarehouseOutage
from tests.aws import ACCOUNT_2
from tests.dataflows.test_views import add_data_flow, at, text_of

pytestmark = pytest.mark.django_db

OUTAGE = uuid.uuid4()


@pytest.fixture
def data_flow(operator: User, settings: Settings, client: Client) -> DataFlow:
    settings.WAREHOUSE_ACCOUNT_ID = ACCOUNT_2
    client.force_login(operator)
    return add_data_flow(operator, "123456789", status="active", display_name="Shop")


def told(state: str, minute: int = 15) -> bool:
    detail: dict[str, Any] = {
        "event_id": str(uuid.uuid5(OUTAGE, state)),
        "outage_id": str(OUTAGE),
        "state": state,
        "since": "2026-03-11T04:15:00+00:00",
        "message": "The warehouse is <paused>." if state == "begun" else "It answers again.",
        "remedy": "Resume it." if state == "begun" else "",
        "occurred_at": f"2026-03-11T04:{minute:02d}:00+00:00",
    }
    source = {"account": ACCOUNT_2, "source": "myapp.warehouse"}
    envelope = {**source, "detail-type": "WarehouseOutageChanged", "detail": detail}
    return answer_record(answer_parse(json.dumps(envelope)))


def test_outage_stands_on_the_page_until_it_is_over(client: Client, data_flow: DataFlow) -> None:
    told("begun")
    text = text_of(client.get(at(data_flow)).content.decode())
    assert "The warehouse does not answer , since 11 Mar 2026 04:15 UTC : a trouble of all data flows" in text
    assert "The warehouse is &lt;paused&gt;. What to do: Resume it." in text

    told("over", 45)
    text = text_of(client.get(at(data_flow)).content.decode())
    assert "What to do" not in text
    assert "Warehouse back" in text


@pytest.mark.parametrize("order", [("begun", "begun", "over", "over"), ("over", "begun")])
def test_news_of_an_outage_are_written_down_once_in_any_order(data_flow: DataFlow, order: tuple[str, ...]) -> None:
    assert [told(state) for state in order] == [order.index(state) == place for place, state in enumerate(order)]

    assert WarehouseOutage.objects.get().is_over
    assert sorted(data_flow.timeline.values_list("status", flat=True)) == ["warehouse_away", "warehouse_back"]


def test_outage_is_no_trouble_of_a_data_flow_that_is_paused(
    client: Client, operator: User, data_flow: DataFlow
) -> None:
    paused = add_data_flow(operator, "223456789", status="paused", desired_state="paused")

    told("begun")

    assert list(paused.timeline.all()) == []
    assert "does not answer" not in client.get(at(paused)).content.decode()
