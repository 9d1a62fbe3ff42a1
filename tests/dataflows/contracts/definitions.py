"""Definitions that tests start from."""

import uuid
from typing import Any

from dataflows.contracts.events import RegisterDataFlow


def register_detail(**changes: Any) -> dict[str, Any]:
    """Return a sound `RegisterDataFlow` detail with these members changed."""
    detail: dict[str, Any] = {
        "schema_version": 1,
        "event_id": str(uuid.uuid4()),
        "correlation_id": str(uuid.uuid4()),
        "data_flow_id": str(uuid.uuid4()),
        "revision": 1,
        "state": "active",
        "property": {
            "property_id": "123456789",
            "display_name": "Shop",
            "time_zone": "Asia/Ho_Chi_Minh",
            "currency_code": "VND",
        },
        "connector_profile": "ga4",
        "reports": [{"slug": "daily_totals"}],
        "start_date": "2026-08-01",
        "lookback_days": 4,
        "refresh_hour_local": 4,
        "filters": [],
        "on_invalid": "drop_record",
        "requested_by": "operator",
    }
    return {**detail, **changes}


def run_detail(**changes: Any) -> dict[str, Any]:
    """Return a sound `RunDataFlow` detail with these members changed."""
    detail = {name: str(uuid.uuid4()) for name in ("event_id", "correlation_id", "data_flow_id")}
    days = {"start_date": "2026-08-01", "end_date": "2026-08-31"}
    return {**detail, **days, "property_id": "123456789", "requested_by": "operator", **changes}


def register_event(**changes: Any) -> RegisterDataFlow:
    """Return a sound event with these members changed."""
    return RegisterDataFlow.model_validate(register_detail(**changes))


def property_with(**changes: str) -> dict[str, str]:
    """Return the property of `register_detail` with these members changed."""
    return {**register_detail()["property"], **changes}


def filters_of(letters: int, letter: str = "😀") -> list[dict[str, Any]]:
    """Return filters on the event name whose values have together so many letters (of four bytes); at most 40,000."""
    values = [letter * min(200, letters - start) for start in range(0, letters, 200)]
    groups = [values[start : start + 20] for start in range(0, len(values), 20)]
    return [{"dimension": "eventName", "operator": "equal_to", "values": group} for group in groups]
