"""The properties the service knows: one folder each, `property.json` beside Parquet files.

With an `events.parquet` answers are counted from events (`event_table.py`); otherwise every Parquet file is a
recorded report (`recorded_tables.py`).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final
from zoneinfo import available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from deploy.local.ga4.event_table import EVENTS_FILE, EventTable
from deploy.local.ga4.recorded_tables import RecordedTable, RecordedTables

PROPERTY_FILE = "property.json"
_TIME_ZONES: Final = frozenset(available_timezones())  # found by walking through all of their files


def _known_time_zone(name: str) -> str:
    if name not in _TIME_ZONES:
        raise ValueError(f"{name!r} is not an IANA time zone, such as Europe/Berlin")
    return name


class PropertySettings(BaseModel):
    """What `property.json` may say; the last two switches are off unless given."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    property_id: str = Field(pattern=r"^[0-9]{1,20}$")
    display_name: str
    time_zone: Annotated[str, AfterValidator(_known_time_zone)]
    currency_code: str = Field(pattern=r"^[A-Z]{3}$")
    service_level: str = "GOOGLE_ANALYTICS_STANDARD"
    account_id: str = Field(default="100000001", pattern=r"^[0-9]{1,20}$")
    account_display_name: str = "Demo account"
    key_events: frozenset[str] = frozenset({"purchase", "generate_lead"})
    cardinality_limit: int | None = Field(default=None, ge=1)  # more rows are rolled up into (other)
    minimum_users: int | None = Field(default=None, ge=1)  # smaller demographic rows are withheld


@dataclass(frozen=True)
class Property:
    """A property and where its numbers come from."""

    settings: PropertySettings
    source: EventTable | RecordedTables

    @property
    def property_id(self) -> str:
        """The digits Google knows the property by."""
        return self.settings.property_id


def load_folder(path: Path) -> list[Property]:
    """Return the property in `path`, or those in the folders directly below it, in order of their ids.

    Raises ValueError for a folder without any property, FileNotFoundError for a property without Parquet files and
    pydantic's ValidationError for a bad `property.json`.
    """
    files = [path / PROPERTY_FILE] if (path / PROPERTY_FILE).exists() else sorted(path.glob(f"*/{PROPERTY_FILE}"))
    if not files:
        raise ValueError(f"There is no {PROPERTY_FILE} in {path} or in a folder below it. Name a data folder.")
    return sorted((_load_property(file) for file in files), key=lambda one: one.property_id)


def _load_property(file: Path) -> Property:
    settings = PropertySettings.model_validate_json(file.read_text())
    if (events := file.parent / EVENTS_FILE).exists():
        return Property(settings, EventTable(events, settings.key_events))
    tables = tuple(RecordedTable(parquet) for parquet in sorted(file.parent.glob("*.parquet")))
    if not tables:
        raise FileNotFoundError(f"{file.parent} has a {PROPERTY_FILE} but no Parquet file with events or reports.")
    return Property(settings, RecordedTables(tables))
