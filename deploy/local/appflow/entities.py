"""What the Google Analytics connector offers: two kinds of report, one entity of each per property, and their fields.

No public source says how AWS names these entities, so ours end in letters that nobody can guess: whoever hard-codes
a name, instead of looking for it by its label, fails here too.
"""

import hashlib
from dataclasses import dataclass
from typing import Any, Final

from deploy.local.appflow.errors import not_found
from deploy.local.appflow.google import GoogleAnalytics

DATE: Final = "date"
DATE_OPERATORS: Final = ("PROJECTION", "EQUAL_TO", "BETWEEN")
_DIMENSION_OPERATORS: Final = ("PROJECTION", "EQUAL_TO", "NOT_EQUAL_TO", "CONTAINS")
_METRIC_OPERATORS: Final = ("PROJECTION",)
_GROUP: Final = "Google Analytics 4"
_REPORTS: Final = {"ga4_core_report": "Core Report", "ga4_realtime_report": "Real-Time Report"}


@dataclass(frozen=True)
class Entity:
    """One kind of report of one property."""

    report: str
    property_id: str

    @property
    def name(self) -> str:
        """What flows call it."""
        return f"{self.report}/properties-{self.property_id}-{_letters(f'{self.report} {self.property_id}')}"

    @property
    def is_core_report(self) -> bool:
        """Whether it is the report of past days; the other one is of the last half hour."""
        return self.report == "ga4_core_report"


@dataclass(frozen=True)
class EntityField:
    """A dimension or a metric of an entity."""

    name: str
    label: str
    description: str
    is_metric: bool

    @property
    def filter_operators(self) -> tuple[str, ...]:
        """The operators a Filter task may have on it."""
        if self.is_metric:
            return _METRIC_OPERATORS
        return DATE_OPERATORS if self.name == DATE else _DIMENSION_OPERATORS

    def as_json(self) -> dict[str, Any]:
        """Return it as DescribeConnectorEntity does."""
        return {
            "identifier": self.name,
            "label": self.label,
            "description": self.description,
            "isPrimaryKey": False,
            "isDeprecated": False,
            "supportedFieldTypeDetails": {
                "v1": {"fieldType": "String", "filterOperators": list(self.filter_operators)},
            },
            "sourceProperties": {
                "isRetrievable": True,
                "isQueryable": len(self.filter_operators) > 1,
                "isTimestampFieldForIncrementalQueries": self.name == DATE,
            },
        }


def list_entities(google: GoogleAnalytics, entities_path: str | None) -> dict[str, list[dict[str, Any]]]:
    """Return the entities at a path: the kinds of report at the top, the properties within each.

    Raises ServiceError for an unknown path, ConnectorError.
    """
    if not entities_path:
        google.properties()  # an identity that Google does not accept sees nothing
        return {_GROUP: [_listed(name, label, has_nested=True) for name, label in _REPORTS.items()]}
    if entities_path not in _REPORTS:
        raise not_found("entities path", entities_path)
    label = _REPORTS[entities_path]
    return {
        label: [
            _listed(Entity(entities_path, property_id).name, f"{label} - properties/{property_id} - {name}")
            for property_id, name in google.properties()
        ]
    }


def find_entity(google: GoogleAnalytics, name: str) -> Entity:
    """Return the entity with this name. Raises ServiceError when there is none, ConnectorError."""
    candidates = [Entity(report, property_id) for property_id, _ in google.properties() for report in _REPORTS]
    found = next((one for one in candidates if one.name == name), None)
    if found is None:
        raise not_found("connector entity", name)
    return found


def entity_of(name: str) -> Entity:
    """Return the entity of a flow that was accepted, without asking Google."""
    report, _, rest = name.partition("/")
    return Entity(report, rest.removeprefix("properties-").rpartition("-")[0])


def describe_fields(google: GoogleAnalytics, entity: Entity) -> dict[str, EntityField]:
    """Return the fields of an entity by name. Raises ConnectorError."""
    metadata = google.metadata(entity.property_id)
    kinds = (("dimensions", False), ("metrics", True))
    fields = [
        EntityField(one["apiName"], one.get("uiName", ""), one.get("description", ""), is_metric)
        for kind, is_metric in kinds
        for one in metadata.get(kind, [])
    ]
    return {field.name: field for field in fields}


def _listed(name: str, label: str, *, has_nested: bool = False) -> dict[str, Any]:
    return {"name": name, "label": label[:128], "hasNestedEntities": has_nested}


def _letters(text: str) -> str:
    digest = hashlib.sha256(text.encode()).digest()
    return "".join(chr(ord("a") + byte % 26) for byte in digest[:6])
