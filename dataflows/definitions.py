"""A data flow's row and the event that states it: one made from the other, and only here."""

import uuid
from collections.abc import Iterable
from typing import Any, Final

from dataflows.contracts.events import CustomReport, RegisterDataFlow
from dataflows.models import DataFlow

# What an operator may change of a registered data flow, by the row's fields.
CHANGEABLE: Final = (
    "display_name",
    "time_zone",
    "currency_code",
    "connector_profile",
    "reports",
    "start_date",
    "lookback_days",
    "refresh_hour_local",
    "filters",
    "on_invalid",
)


def register_event(data_flow: DataFlow, *, correlation_id: uuid.UUID, requested_by: str) -> RegisterDataFlow:
    """Return the event that asks Account 2 for the data flow as its row states it.

    Raises pydantic's ValidationError when the row can't be asked for.
    """
    return RegisterDataFlow.model_validate(
        {
            **definition_of(data_flow),
            "event_id": uuid.uuid4(),
            "correlation_id": correlation_id,
            "data_flow_id": data_flow.id,
            "revision": data_flow.revision,
            "state": data_flow.desired_state,
            "requested_by": requested_by,
        }
    )


def definition_of(data_flow: DataFlow) -> dict[str, Any]:
    """Return what an operator defined, as the event's members."""
    return {
        "property": {
            "property_id": data_flow.property_id,
            "display_name": data_flow.display_name,
            "time_zone": data_flow.time_zone,
            "currency_code": data_flow.currency_code,
        },
        "connector_profile": data_flow.connector_profile,
        "reports": data_flow.reports,
        "start_date": data_flow.start_date,
        "lookback_days": data_flow.lookback_days,
        "refresh_hour_local": data_flow.refresh_hour_local,
        "filters": data_flow.filters,
        "on_invalid": data_flow.on_invalid,
    }


def custom_reports_in(requests: Iterable[dict[str, Any]]) -> list[CustomReport]:
    """Return the custom ones among the reports of an event or a row."""
    return [CustomReport.model_validate(request["custom"]) for request in requests if request.get("custom")]
