"""Writes the events' JSON Schemas to where they are deployed from."""

import json
import re
import textwrap
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.management.base import BaseCommand

from dataflows.contracts.events import EVENTS, RegisterDataFlow

_CONTENT: Final = re.compile(r"(?<=      Content: >-\n)(?: {8}.*\n)+")
_DRAFT: Final = "http://json-schema.org/draft-04/schema#"  # the only one that the registry takes


class Command(BaseCommand):
    """Generates deploy/schemas/ and the registry's schema from the contract; tests fail while they differ."""

    help = "Write the events' JSON Schemas to deploy/schemas/, and the registry's into Account 1's template."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write one file an event, and what the schema registry is given."""
        deploy = settings.BASE_DIR / "deploy"
        for name, model in EVENTS.items():
            text = json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False)
            (deploy / "schemas" / f"{name}.json").write_text(f"{text}\n")
            self.stdout.write(f"deploy/schemas/{name}.json")
        _write_registry_schema(deploy / "account1_app" / "template.yaml")
        self.stdout.write("deploy/account1_app/template.yaml")


def _write_registry_schema(template: Path) -> None:
    content = json.dumps({"$schema": _DRAFT, **RegisterDataFlow.model_json_schema()})
    lines = textwrap.wrap(content, 110, break_long_words=False, break_on_hyphens=False)
    block = "".join(f"        {line}\n" for line in lines)
    template.write_text(_CONTENT.sub(lambda _: block, template.read_text()))
