"""Registers data flows as the form does: `python -m deploy.local.registrar`, a list of definitions on stdin."""

import json
import os
import sys
from typing import Any

import django


def main(definitions: list[dict[str, Any]]) -> None:
    """Register each definition as an operator."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myapp.settings")
    django.setup()
    from django.contrib.auth.models import Group, User

    from dataflows.models import DataFlow
    from dataflows.services import data_flow_register

    operator, _ = User.objects.get_or_create(username="operator")
    operator.groups.add(Group.objects.get(name="operator"))
    for definition in definitions:
        data_flow_register(data_flow=DataFlow(**definition), user=operator)


if __name__ == "__main__":
    main(json.load(sys.stdin))
