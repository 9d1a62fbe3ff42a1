"""The demo's three properties, written where the service reads them; what is there already is kept."""

import json
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.ga4.event_table import EVENTS_FILE
from deploy.local.ga4.generator import generate_property
from deploy.local.ga4.properties import PROPERTY_FILE, PropertySettings

GENERATOR_VERSION: Final = 1  # raise it when the same arguments would give other events
_CACHE_KEY_FILE: Final = "generated.json"


@dataclass(frozen=True)
class DemoProperty:
    """What tells the demo's properties apart."""

    settings: PropertySettings
    seed: int
    events_per_day: int


DEMO_PROPERTIES: Final = (
    DemoProperty(
        PropertySettings(
            property_id="310000001",
            display_name="Shop Vietnam",
            time_zone="Asia/Ho_Chi_Minh",
            currency_code="VND",
        ),
        seed=1,
        events_per_day=3_000,
    ),
    DemoProperty(
        PropertySettings(
            property_id="310000002",
            display_name="Shop America",
            time_zone="America/New_York",
            currency_code="USD",
        ),
        seed=2,
        events_per_day=4_000,
    ),
    DemoProperty(
        PropertySettings(
            property_id="310000003",
            display_name="Shop Deutschland <\u00dc> & Co.",
            time_zone="Europe/Berlin",
            currency_code="EUR",
        ),
        seed=3,
        events_per_day=2_000,
    ),
)


def write_demo_properties(folder: Path, anchor_date: date, days: int = 90) -> list[Path]:
    """Write the demo's properties below `folder`, unless they are there already; return their folders.

    The last generated day is `anchor_date + days - 1`.
    """
    return [_write_property(folder / one.settings.property_id, one, anchor_date, days) for one in DEMO_PROPERTIES]


def write_property(folder: Path, settings: PropertySettings, events: pa.Table) -> None:
    """Write a property that `load_folder` can read."""
    folder.mkdir(parents=True, exist_ok=True)
    fresh = folder / f".{EVENTS_FILE}"
    pq.write_table(events, fresh, compression="zstd", store_schema=False)  # text reads back as text
    fresh.replace(folder / EVENTS_FILE)  # a service that reads the file never sees half of it
    (folder / PROPERTY_FILE).write_text(settings.model_dump_json(indent=1))


def _write_property(folder: Path, demo: DemoProperty, anchor_date: date, days: int) -> Path:
    settings = demo.settings
    key = json.dumps(
        [GENERATOR_VERSION, anchor_date.isoformat(), days, demo.seed, demo.events_per_day, settings.property_id]
    )
    marker = folder / _CACHE_KEY_FILE
    if marker.exists() and marker.read_text() == key:
        return folder
    events = generate_property(
        settings.property_id,
        settings.time_zone,
        settings.currency_code,
        anchor_date=anchor_date,
        days=days,
        seed=demo.seed,
        events_per_day=demo.events_per_day,
    )
    write_property(folder, settings, events)
    marker.write_text(key)
    return folder
