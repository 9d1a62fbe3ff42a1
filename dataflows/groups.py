"""The two groups: operators register data flows, analysts read the reports they are granted."""

from typing import Any

from django.contrib.auth.models import Group, Permission

OPERATOR = "operator"
ANALYST = "analyst"


def create_groups(**_signal: Any) -> None:
    """Make the groups be there with their rights, after every migration."""
    operators, _ = Group.objects.get_or_create(name=OPERATOR)
    operators.permissions.add(
        Permission.objects.get(codename="register_data_flow", content_type__app_label="dataflows")
    )
    Group.objects.get_or_create(name=ANALYST)
