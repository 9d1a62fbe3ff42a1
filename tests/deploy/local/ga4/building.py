"""Small properties for tests, and a way to ask the service about them without a network."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from werkzeug.test import Client

from deploy.local.clock import EmulatedClock
from deploy.local.ga4.app import create_ga4_app
from deploy.local.ga4.demo import write_property
from deploy.local.ga4.properties import PropertySettings
from deploy.local.ga4.state import Ga4State

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
PROPERTY_ID = "42"
_SCHEMA_TEXTS = """
    event_date event_hour event_name user_pseudo_id session_source session_medium session_campaign
    session_default_channel_group first_user_default_channel_group country city language device_category
    operating_system operating_system_version browser screen_resolution mobile_device_model host_name page_path
    page_title landing_page transaction_id item_name customEvent:plan
"""
_SCHEMA_NUMBERS = """
    event_timestamp ga_session_id ga_session_number engagement_time_msec item_quantity visible_at hidden_at
"""
_SCHEMA_AMOUNTS = "item_revenue purchase_revenue refund_value ad_revenue"
_SCHEMA = pa.schema(
    [(name, pa.string()) for name in _SCHEMA_TEXTS.split()]
    + [(name, pa.int64()) for name in _SCHEMA_NUMBERS.split()]
    + [(name, pa.bool_()) for name in ("session_engaged", "is_active_user")]
    + [(name, pa.float64()) for name in _SCHEMA_AMOUNTS.split()]
)


def event(at: str, user: str = "ann", name: str = "page_view", **columns: Any) -> dict[str, Any]:
    """Return one event of a property in UTC, `at` written like 2026-03-01T10:00; it is visible at once."""
    moment = datetime.fromisoformat(at).replace(tzinfo=UTC)
    micros = int(moment.timestamp()) * 1_000_000
    return {
        "event_timestamp": micros,
        "event_date": f"{moment:%Y%m%d}",
        "event_hour": f"{moment:%H}",
        "event_name": name,
        "user_pseudo_id": user,
        "ga_session_id": 1,
        "ga_session_number": 1,
        "visible_at": micros,
        "session_engaged": False,
        "is_active_user": False,
        **columns,
    }


def write_events(folder: Path, events: Iterable[Mapping[str, Any]], **settings: Any) -> None:
    """Write the property 42 with these events."""
    chosen = {
        "property_id": PROPERTY_ID,
        "display_name": "Test",
        "time_zone": "UTC",
        "currency_code": "EUR",
        **settings,
    }
    table = pa.Table.from_pylist([dict(one) for one in events], schema=_SCHEMA)
    write_property(folder / chosen["property_id"], PropertySettings(**chosen), table)


def write_reports(folder: Path, **reports: Mapping[str, list[Any]]) -> None:
    """Write the property 42 with recorded reports: a table's columns by its name."""
    path = folder / PROPERTY_ID
    path.mkdir(parents=True)
    settings = PropertySettings(
        property_id=PROPERTY_ID, display_name="Recorded", time_zone="America/New_York", currency_code="USD"
    )
    (path / "property.json").write_text(settings.model_dump_json())
    for name, columns in reports.items():
        pq.write_table(pa.table(dict(columns)), path / f"{name}.parquet")


@dataclass(frozen=True)
class Service:
    """The service with one folder of properties and a clock that stands at NOW."""

    folder: Path
    state: Ga4State
    clock: EmulatedClock

    def client(self) -> Client:
        """Return a client of the service."""
        application = create_ga4_app(self.state, self.clock)

        def on_this_machine(environ: Any, start_response: Any) -> Any:
            environ.setdefault("REMOTE_ADDR", "127.0.0.1")
            return application(environ, start_response)

        return Client(on_this_machine)

    def ask(self, dimensions: str = "", metrics: str = "", **members: Any) -> dict[str, Any]:
        """Run a report on 42 over 2026-03-01 to 2026-03-10; fields are separated by spaces."""
        body = {
            "dateRanges": [{"startDate": "2026-03-01", "endDate": "2026-03-10"}],
            "dimensions": [{"name": name} for name in dimensions.split()],
            "metrics": [{"name": name} for name in metrics.split()],
            **members,
        }
        response = self.client().post(f"/v1beta/properties/{PROPERTY_ID}:runReport", data=json.dumps(body))
        content: dict[str, Any] = json.loads(response.get_data())
        return content

    def rows(self, dimensions: str = "", metrics: str = "", **members: Any) -> list[tuple[str, ...]]:
        """Return a report's rows: dimension values, then metric values."""
        answer = self.ask(dimensions, metrics, **members)
        assert "error" not in answer, answer
        return [
            tuple(cell["value"] for cell in [*row.get("dimensionValues", []), *row.get("metricValues", [])])
            for row in answer.get("rows", [])
        ]

    def refusal(self, dimensions: str = "", metrics: str = "", **members: Any) -> tuple[str, str]:
        """Return the status and message of the error a report gets."""
        error = self.ask(dimensions, metrics, **members)["error"]
        return error["status"], error["message"]

    def load(self) -> None:
        """Load what is in the folder now."""
        self.state.load(self.folder)
