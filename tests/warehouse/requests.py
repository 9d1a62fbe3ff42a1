"""Requests to the register function, and the moment the tests live at."""

import uuid
from datetime import UTC, datetime
from typing import Any

from dataflows.contracts.counts import DataFlowDaysCounted
from dataflows.contracts.events import RegisterDataFlow, RunDataFlow
from deploy.local.accounts import GA4_PROFILE
from tests.aws import ACCOUNT_1, REGION_1

AT = datetime(2026, 3, 10, 9, 30, tzinfo=UTC)


def envelope(detail_type: str, detail: dict[str, Any], at: datetime, source: str = "myapp.dataflows") -> dict[str, Any]:
    """Return an event as EventBridge hands it on."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "account": ACCOUNT_1,
        "region": REGION_1,
        "source": source,
        "detail-type": detail_type,
        "time": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "resources": [],
        "detail": detail,
    }


def run_request(**changes: Any) -> RunDataFlow:
    """Return a request for a run of property 1001's events over three days of February."""
    registered = data_flow()
    asked = {
        "event_id": uuid.uuid4(),
        "correlation_id": uuid.uuid4(),
        "data_flow_id": registered.data_flow_id,
        "property_id": "1001",
        "reports": ["events"],
        "start_date": "2026-02-01",
        "end_date": "2026-02-03",
        "requested_by": "olivia",
    }
    return RunDataFlow.model_validate({**asked, **changes})


def days_counted() -> DataFlowDaysCounted:
    """Return the statement that MySQL holds nothing of property 1001's events."""
    return DataFlowDaysCounted.model_validate(
        {
            "event_id": uuid.uuid4(),
            "correlation_id": uuid.uuid4(),
            "data_flow_id": data_flow().data_flow_id,
            "property_id": "1001",
            "reports": [{"report": "events", "start_date": "2026-02-01", "end_date": "2026-02-03"}],
            "occurred_at": AT,
        }
    )


def data_flow(*, property_id: str = "1001", **changes: Any) -> RegisterDataFlow:
    """Return a request to register a property with its daily totals and events."""
    asked = {
        "event_id": uuid.uuid4(),
        "correlation_id": uuid.uuid4(),
        "data_flow_id": uuid.uuid5(uuid.NAMESPACE_URL, property_id),
        "revision": 1,
        "property": {
            "property_id": property_id,
            "display_name": "Shop",
            "time_zone": "Europe/Berlin",
            "currency_code": "EUR",
        },
        "connector_profile": GA4_PROFILE,
        "reports": [{"slug": "daily_totals"}, {"slug": "events"}],
        "start_date": "2026-01-01",
        "refresh_hour_local": 5,
        "requested_by": "olivia",
    }
    return RegisterDataFlow.model_validate({**asked, **changes})
