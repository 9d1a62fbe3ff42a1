"""Makes the people of a local MyApp: `python -m deploy.local.people`, what they get as JSON on stdin.

`{"passwords": {"operator": …}, "grants": {"analyst": ["310000001"]}}`
"""

import json
import os
import sys
from typing import Any

import django


def main(wanted: dict[str, Any]) -> None:
    """Make the people, or give those that exist these passwords and grants; `admin` may do everything."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "myapp.settings")
    django.setup()
    for name, password in wanted.get("passwords", {}).items():
        _make_person(name, password)
    for name, property_ids in wanted.get("grants", {}).items():
        _grant(name, property_ids)


def _make_person(name: str, password: str) -> None:
    from django.contrib.auth.models import Group, User

    user, _ = User.objects.get_or_create(username=name)
    user.is_staff = user.is_superuser = name == "admin"
    user.set_password(password)
    user.save()
    user.groups.set(Group.objects.filter(name=name))


def _grant(name: str, property_ids: list[str]) -> None:
    from django.contrib.auth.models import User

    from dataflows.models import DataFlow, PropertyGrant

    for data_flow in DataFlow.objects.filter(property_id__in=property_ids):
        PropertyGrant.objects.get_or_create(user=User.objects.get(username=name), data_flow=data_flow)


if __name__ == "__main__":
    main(json.load(sys.stdin))
