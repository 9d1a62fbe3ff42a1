"""What the Google Analytics connector offers: the entity of a property's core report, and its fields.

No public source says how the entities are called, so they are looked for by label and property id.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from dataflows.contracts.errors import TerminalError
from dataflows.contracts.events import RegisterDataFlow
from dataflows.contracts.ga4 import DATE
from warehouse.definitions import API_VERSION
from warehouse.errors import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_appflow import AppflowClient

CORE_REPORT: Final = "core report"
_CONNECTOR_TYPE: Final = "CustomConnector"
_MAX_DEPTH: Final = 4

# (connector profile, property id) → entity, found once in a process: an entity keeps its name
_found_entities: dict[tuple[str, str], str] = {}


@dataclass(frozen=True)
class _Entity:
    name: str
    label: str
    has_nested: bool

    def mentions(self, property_id: str) -> bool:
        return re.search(rf"(?<![0-9]){property_id}(?![0-9])", f"{self.name} {self.label}") is not None


class Connector:
    """The Google Analytics connector as one connection profile sees it."""

    def __init__(self, client: "AppflowClient", connector_profile: str) -> None:
        self._client = client
        self.connector_profile = connector_profile

    def core_report(self, property_id: str) -> str:
        """Return the name of the entity that is the property's core report.

        Raises TerminalError when the profile does not show the property, TransientError when it can't be asked.
        """
        key = (self.connector_profile, property_id)
        if key not in _found_entities:
            _found_entities[key] = self._find(property_id)
        return _found_entities[key]

    def check_fields(self, entity: str, event: RegisterDataFlow) -> None:
        """Raise TerminalError when the property lacks a field of a report, or can't be filtered as asked."""
        offered = self._operators(entity)
        needed = {field.api_name for report in event.resolved_reports() for field in report.fields}
        if missing := sorted(needed - offered.keys()):
            raise TerminalError(
                f"Property {event.property.property_id} has no {', '.join(missing)}: remove the reports that need "
                "them, or define them in Google Analytics.",
                reason="unknown_fields",
            )
        filters = [(DATE, "BETWEEN"), *((item.dimension, item.operator.upper()) for item in event.filters)]
        for name, operator in filters:
            if operator not in offered[name]:
                raise TerminalError(
                    f"The connector can't filter {name} by {operator}, only by {', '.join(sorted(offered[name]))}.",
                    reason="filter_not_supported",
                )

    def _find(self, property_id: str) -> str:
        for entity, has_property in self._walk(property_id, path=None, has_property=False, depth=0):
            if has_property and CORE_REPORT in entity.label.casefold():
                return entity.name
        raise TerminalError(
            f"The connection profile {self.connector_profile} shows no core report of property {property_id}. Give "
            "its Google account access to the property, or choose another profile.",
            reason="property_not_found",
        )

    def _walk(
        self, property_id: str, *, path: str | None, has_property: bool, depth: int
    ) -> Iterator[tuple[_Entity, bool]]:
        entities = self._list(path)
        mentioning = [entity for entity in entities if entity.mentions(property_id)]
        for entity in mentioning or entities:
            is_of_property = has_property or entity in mentioning
            if not entity.has_nested:
                yield entity, is_of_property
            elif depth < _MAX_DEPTH:
                yield from self._walk(property_id, path=entity.name, has_property=is_of_property, depth=depth + 1)

    def _list(self, path: str | None) -> list[_Entity]:
        call: dict[str, Any] = {"entitiesPath": path} if path else {}
        found: list[_Entity] = []
        while True:
            with aws_errors(f"list what the connection profile {self.connector_profile} offers"):
                page = self._client.list_connector_entities(
                    connectorProfileName=self.connector_profile,
                    connectorType=_CONNECTOR_TYPE,
                    apiVersion=API_VERSION,
                    **call,
                )
            for group in page["connectorEntityMap"].values():
                found += [_Entity(e["name"], e.get("label", ""), e.get("hasNestedEntities", False)) for e in group]
            if not (token := page.get("nextToken")):
                return found
            call["nextToken"] = token

    def _operators(self, entity: str) -> dict[str, set[str]]:
        with aws_errors(f"describe the entity {entity}"):
            described = self._client.describe_connector_entity(
                connectorEntityName=entity,
                connectorType=_CONNECTOR_TYPE,
                connectorProfileName=self.connector_profile,
                apiVersion=API_VERSION,
            )
        return {
            field["identifier"]: set(
                field.get("supportedFieldTypeDetails", {}).get("v1", {}).get("filterOperators", ())
            )
            for field in described["connectorEntityFields"]
        }
