"""What changes the registry, and what is refused there, whichever page or program asks."""

import pytest
from django.contrib.auth.models import User

from dataflows.contracts.errors import InvalidDataFlowError
from dataflows.models import DataFlow, OutboxEvent
from dataflows.services import data_flow_register
from tests.dataflows.conftest import unsaved_data_flow
from tests.dataflows.contracts.definitions import filters_of


def test_definition_too_large_to_be_sent_is_not_saved(operator: User) -> None:
    data_flow = unsaved_data_flow(reports=[{"slug": "events"}], filters=filters_of(20_000))
    with pytest.raises(InvalidDataFlowError) as refused:
        data_flow_register(data_flow=data_flow, user=operator)
    assert refused.value.reason == "definition_too_large"
    assert not DataFlow.objects.exists()
    assert not OutboxEvent.objects.exists()
