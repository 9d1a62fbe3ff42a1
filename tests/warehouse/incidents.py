"""Incidents as the warehouse tells of them."""

import uuid
from datetime import timedelta
from typing import Any

from dataflows.contracts.incidents import DataFlowIncidentChanged
from tests.warehouse.requests import AT


def incident(**changes: Any) -> DataFlowIncidentChanged:
    """Return the news of a failed run of property 1001's events."""
    told = {
        "event_id": uuid.uuid4(),
        "correlation_id": uuid.uuid4(),
        "data_flow_id": uuid.uuid5(uuid.NAMESPACE_URL, "1001"),
        "property_id": "1001",
        "display_name": "Shop",
        "report": "events",
        "incident_id": uuid.uuid4(),
        "kind": "run_failed",
        "cause": "authentication",
        "state": "open",
        "run_id": uuid.uuid4().hex,
        "start_date": "2026-03-06",
        "end_date": "2026-03-09",
        "since": AT - timedelta(hours=2),
        "message": "Google refused the login: invalid_grant.",
        "remedy": "Renew the connection profile's Google login, then press Retry.",
        "occurred_at": AT,
    }
    return DataFlowIncidentChanged.model_validate({**told, **changes})
