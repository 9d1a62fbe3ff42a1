"""What others may read of Account 1's events: archive, registry with the contract's schema, discoverer."""

import functools
import json
from collections.abc import Iterator
from typing import Any, Final

from jsonschema import Draft4Validator
from jsonschema.exceptions import SchemaError

from dataflows.contracts.events import RegisterDataFlow
from deploy.local.aws.event_pattern import matches
from tests.architecture.wiring.events import ANSWERS, REQUESTS
from tests.architecture.wiring.stacks import Properties, Stack

_DRAFT: Final = "http://json-schema.org/draft-04/schema#"


def schema_problems(stack: Stack) -> Iterator[str]:
    """Say which events could not be put on the bus again, or be read by their schema."""
    bus = stack.arns["AppBus"]
    wanted: dict[str, dict[str, Any]] = {
        "AppBusArchive": {"SourceArn": bus, "RetentionDays": 30, "ArchiveName": "myapp"},
        "EventRegistry": {"RegistryName": "myapp-events"},
        "RegisterDataFlowSchema": {
            "RegistryName": "myapp-events",
            "SchemaName": "myapp.dataflows@RegisterDataFlow",
            "Type": "JSONSchemaDraft4",
        },
        "EventDiscoverer": {"SourceArn": bus, "CrossAccount": True},
    }
    for name, members in wanted.items():
        if name not in stack.properties:
            yield f"{name} is missing."
            continue
        for member, value in members.items():
            if stack.properties[name].get(member) != value:
                yield f"{name}: its {member} must be {value}."
    if "EventRegistry" not in stack.needs.get("RegisterDataFlowSchema", ()):
        yield "RegisterDataFlowSchema must have DependsOn EventRegistry: it names the registry, and refers to nothing."
    yield from _archive_problems(stack.properties.get("AppBusArchive", {}))
    yield from _content_problems(stack.properties.get("RegisterDataFlowSchema", {}))


def _archive_problems(archive: Properties) -> Iterator[str]:
    pattern = archive.get("EventPattern", {})
    for event in (*REQUESTS, *ANSWERS):
        if not pattern.get("source") or not matches(dict(pattern), event):
            yield f"AppBusArchive: its EventPattern does not keep {event['detail-type']}."


def _content_problems(schema: Properties) -> Iterator[str]:
    yield from _problems_of(schema.get("Content", "null"))


@functools.cache
def _problems_of(text: str) -> tuple[str, ...]:
    try:
        content = json.loads(text)
        Draft4Validator.check_schema(content)
    except (ValueError, SchemaError) as error:
        return (f"RegisterDataFlowSchema: its Content is no schema: {error}",)
    if content != {"$schema": _DRAFT, **RegisterDataFlow.model_json_schema()}:
        return ("RegisterDataFlowSchema: its Content is not the contract: run manage.py write_event_schemas.",)
    return ()
