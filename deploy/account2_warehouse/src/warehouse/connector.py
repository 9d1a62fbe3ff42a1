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
from warehouse.errors import SAVE_AGAIN, aws_errors

if TYPE_CHECKING:
    from mypy_boto3_appflow import AppflowClient

CORE_REPORT: Final = "core report"
_CONNECTOR_TYPE: Final = "CustomConnector"
_MAX_DEPTH: Final = 4
_MARKED_ID: Final = re.compile(r"propert(?:y|ies)[^0-9A-Za-z]{0,3}([0-9]+)", re.IGNORECASE)

# (connector profile, path) → what the profile showed there; a process asks again when it misses a property
_shown: dict[tuple[str, str | None], list["_Entity"]] = {}


@dataclass(frozen=True)
class _Entity:
    name: str
    label: str
    has_nested: bool

    @property
    def is_core_report(self) -> bool:
        return CORE_REPORT in self.label.casefold()

    def is_of(self, property_id: str) -> bool:
        # A display name may hold another property's number: where a place for the id is marked, only that counts.
        marked = _MARKED_ID.search(self.name) or _MARKED_ID.search(self.label)
        if marked:
            return marked[1] == property_id
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
        found = self._find(property_id)
        if len(found) != 1:
            self.forget()
            found = self._find(property_id)
        if len(found) != 1:
            seen = f"{len(found)} core reports of" if found else "no"
            raise TerminalError(
                f"The connection profile {self.connector_profile} shows {seen} property {property_id}. Give its Google "
                f"account access to the property, then {SAVE_AGAIN}; or name another Google account there.",
                reason="property_not_found",
            )
        return found[0]

    def probe(self, event: RegisterDataFlow) -> None:
        """Raise TerminalError or TransientError unless the profile shows the property, and that its fields.

        What the profile had shown before counts as well: `forget` it first.
        """
        self.check_fields(self.core_report(event.property.property_id), event)

    def check_fields(self, entity: str, event: RegisterDataFlow) -> None:
        """Raise TerminalError when the property lacks a field of a report, or can't be filtered as asked."""
        offered = self._operators(entity)
        needed = {field.api_name for report in event.resolved_reports() for field in report.fields}
        if missing := sorted(needed - offered.keys()):
            raise TerminalError(
                f"Property {event.property.property_id} has no {', '.join(missing)}: press Edit and take out the "
                f"reports that need them, or define them in Google Analytics, then {SAVE_AGAIN}.",
                reason="unknown_fields",
            )
        filters = [(DATE, "BETWEEN"), *((item.dimension, item.operator.upper()) for item in event.filters)]
        for name, operator in filters:
            if operator not in offered[name]:
                raise TerminalError(
                    f"The connector can't filter {name} by {operator}, only by {', '.join(sorted(offered[name]))}: "
                    "press Edit and choose another filter.",
                    reason="filter_not_supported",
                )

    def _find(self, property_id: str) -> list[str]:
        return list(self._walk(property_id, None, is_core_report=False, is_of_property=False, depth=0))

    def forget(self) -> None:
        """Let the profile be asked again what it shows."""
        for key in [key for key in _shown if key[0] == self.connector_profile]:
            _shown.pop(key, None)

    def _walk(
        self, property_id: str, path: str | None, *, is_core_report: bool, is_of_property: bool, depth: int
    ) -> Iterator[str]:
        """Yield the entities sought, at or below a path; what stands elsewhere in a level is not gone into."""
        entities = self._show(path)
        entities = [entity for entity in entities if entity.is_core_report] or entities
        entities = [entity for entity in entities if entity.is_of(property_id)] or entities
        for entity in entities:
            is_core = is_core_report or entity.is_core_report
            is_of = is_of_property or entity.is_of(property_id)
            if not entity.has_nested and is_core and is_of:
                yield entity.name
            elif entity.has_nested and depth < _MAX_DEPTH:
                yield from self._walk(
                    property_id, entity.name, is_core_report=is_core, is_of_property=is_of, depth=depth + 1
                )

    def _show(self, path: str | None) -> list[_Entity]:
        key = (self.connector_profile, path)
        shown = _shown.get(key)
        if shown is None:
            shown = _shown[key] = self._list(path)
        return shown

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
