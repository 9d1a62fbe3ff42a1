"""Writes the events' JSON Schemas to where they are deployed from."""

import json
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from dataflows.contracts.events import EVENTS


class Command(BaseCommand):
    """Generates deploy/schemas/ from the contract; a test fails while they differ."""

    help = "Write the events' JSON Schemas to deploy/schemas/."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write one file an event."""
        folder = settings.BASE_DIR / "deploy" / "schemas"
        for name, model in EVENTS.items():
            text = json.dumps(model.model_json_schema(), indent=2, ensure_ascii=False)
            (folder / f"{name}.json").write_text(f"{text}\n")
            self.stdout.write(f"deploy/schemas/{name}.json")
