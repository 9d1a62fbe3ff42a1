"""Properties that Google answers for from recorded reports, and the custom report over one."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from deploy.local.ga4.properties import PROPERTY_FILE, PropertySettings

PAGES: Final = "custom_seen"
CUSTOM_ANSWERS: Final[Mapping[str, Any]] = {
    "reports": [],
    "custom-TOTAL_FORMS": "1",
    "custom-0-name": "seen",
    "custom-0-dimensions": ["landingPage"],
    "custom-0-metrics": ["sessions"],
}

Days = Mapping[str, Mapping[str, int]]


def recorded_property(property_id: str, time_zone: str = "UTC") -> PropertySettings:
    """Return the settings of a property whose reports were recorded."""
    return PropertySettings(
        property_id=property_id, display_name=f"Recorded {property_id}", time_zone=time_zone, currency_code="EUR"
    )


def write_recorded(google: Path, settings: PropertySettings, days: Days) -> None:
    """Write what Google says of a property: date (20260601) → page path → sessions."""
    folder = google / settings.property_id
    folder.mkdir(parents=True, exist_ok=True)
    rows = [(day, path, sessions) for day, pages in days.items() for path, sessions in pages.items()]
    names = ("date", "landingPage", "sessions")
    table = pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})
    pq.write_table(table, folder / "seen.parquet")
    (folder / PROPERTY_FILE).write_text(settings.model_dump_json())
