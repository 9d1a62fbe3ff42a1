"""What changes the registry, and what is refused there, whichever page or program asks."""

import json
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import connection

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.contracts.events import DataFlowState
from dataflows.models import DataFlow, OutboxEvent, TimelineEntry
from dataflows.services import data_flow_change, data_flow_change_state, data_flow_register
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.contracts.definitions import filters_of

BY_CITY = {"custom": {"name": "by_city", "dimensions": ["city"], "metrics": ["sessions"]}}
OTHER_BY_CITY = {"custom": {"name": "by_city", "dimensions": ["city"], "metrics": ["newUsers"]}}
DAILY = {"slug": "daily_totals"}


@pytest.fixture
def registered(operator: User) -> DataFlow:
    return data_flow_register(data_flow=unsaved_data_flow(reports=[DAILY, BY_CITY]), user=operator)


def change(data_flow: DataFlow, user: User, made_from: int, **changes: Any) -> DataFlow:
    asked = unsaved_data_flow(**{"reports": [DAILY, BY_CITY], **changes})
    return data_flow_change(data_flow_id=data_flow.id, asked=asked, made_from=made_from, user=user)


def refused_change(data_flow: DataFlow, user: User, made_from: int, **changes: Any) -> InvalidDataFlowError:
    """Ask for a change that must be refused and leave everything as it was; return the refusal."""
    before, events = DataFlow.objects.values().get(), OutboxEvent.objects.count()
    with pytest.raises(InvalidDataFlowError) as refused:
        change(data_flow, user, made_from, **changes)
    assert DataFlow.objects.values().get() == before
    assert OutboxEvent.objects.count() == events
    return refused.value


def last_detail() -> dict[str, Any]:
    return dict(json.loads(OutboxEvent.objects.order_by("revision").reverse()[0].detail))


def test_definition_too_large_to_be_sent_is_not_saved(operator: User) -> None:
    data_flow = unsaved_data_flow(reports=[{"slug": "events"}], filters=filters_of(20_000))
    with pytest.raises(InvalidDataFlowError) as refused:
        data_flow_register(data_flow=data_flow, user=operator)
    assert refused.value.reason == "definition_too_large"
    assert not DataFlow.objects.exists()
    assert not OutboxEvent.objects.exists()


def test_changed_definition_is_saved_and_announced_as_the_next_revision(operator: User, registered: DataFlow) -> None:
    changed = change(registered, operator, 1, display_name="Other", lookback_days=7, reports=[DAILY])
    assert DataFlow.objects.get() == changed
    assert (changed.revision, changed.status, changed.status_revision) == (2, "queued", 2)
    detail = last_detail()
    assert (detail["revision"], detail["state"], detail["lookback_days"]) == (2, "active", 7)
    assert detail["property"]["display_name"] == "Other"
    assert [report["slug"] for report in detail["reports"]] == ["daily_totals"]
    assert detail["plan_hash"]
    entry = TimelineEntry.objects.get(correlation_id=detail["correlation_id"])
    assert entry.message == "revision 2, active, asked for by operator"


def test_same_definition_again_is_a_new_revision(operator: User, registered: DataFlow) -> None:
    before = last_detail()
    change(registered, operator, 1)
    after = last_detail()
    own = ("event_id", "correlation_id", "revision")
    assert {name: after[name] for name in after if name not in own} == {
        name: before[name] for name in before if name not in own
    }
    assert after["revision"] == 2


def test_paused_data_flow_stays_paused(operator: User, registered: DataFlow) -> None:
    data_flow_change_state(data_flow_id=registered.id, state=DataFlowState.PAUSED, user=operator)
    assert change(registered, operator, 2, lookback_days=7).desired_state == "paused"
    assert last_detail()["state"] == "paused"


def test_deregistered_data_flow_must_be_resumed_first(operator: User, registered: DataFlow) -> None:
    data_flow_change_state(data_flow_id=registered.id, state=DataFlowState.REMOVED, user=operator)
    refusal = refused_change(registered, operator, 2)
    assert (refusal.reason, "resume it first" in str(refusal)) == ("deregistered", True)


@pytest.mark.parametrize("made_from", [0, 1, 3])
def test_change_made_from_another_revision_is_refused(operator: User, registered: DataFlow, made_from: int) -> None:
    change(registered, operator, 1, lookback_days=7)
    assert refused_change(registered, operator, made_from, lookback_days=9).reason == "revision_outdated"


def test_property_stays(operator: User, registered: DataFlow) -> None:
    assert refused_change(registered, operator, 1, property_id="42").reason == "property_changed"


def test_custom_report_keeps_its_fields_under_its_name(operator: User, registered: DataFlow) -> None:
    refusal = refused_change(registered, operator, 1, reports=[DAILY, OTHER_BY_CITY])
    assert (refusal.reason, "give this one another name" in str(refusal)) == ("custom_report_redefined", True)


def test_custom_report_that_was_taken_out_keeps_its_fields_too(operator: User, registered: DataFlow) -> None:
    """Its stored rows stay: they would be shown under the new fields."""
    change(registered, operator, 1, reports=[DAILY])
    assert refused_change(registered, operator, 2, reports=[OTHER_BY_CITY]).reason == "custom_report_redefined"
    assert change(registered, operator, 2, reports=[BY_CITY]).revision == 3


def test_change_too_large_to_be_sent_is_not_saved(operator: User, registered: DataFlow) -> None:
    large = {"reports": [{"slug": "events"}], "filters": filters_of(20_000)}
    assert refused_change(registered, operator, 1, **large).reason == "definition_too_large"


@pytest.mark.django_db(transaction=True)
def test_of_many_changes_made_from_one_revision_one_is_saved() -> None:
    user = User.objects.create_user("olga")
    data_flow = data_flow_register(data_flow=unsaved_data_flow(), user=user)
    everybody = Barrier(4)

    def save(lookback_days: int) -> str:
        try:
            everybody.wait(10)
            change(data_flow, user, 1, lookback_days=lookback_days)
        except InvalidDataFlowError as error:
            return error.reason
        finally:
            connection.close()
        return "saved"

    with ThreadPoolExecutor(4) as pool:
        outcomes = sorted(pool.map(save, range(5, 9)))
    assert outcomes == ["revision_outdated"] * 3 + ["saved"]
    assert DataFlow.objects.get().revision == OutboxEvent.objects.count() == 2
