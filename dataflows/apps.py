"""The data flow registry."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class DataFlowsConfig(AppConfig):
    """Registers GA4 properties and follows what becomes of them."""

    name = "dataflows"

    def ready(self) -> None:
        """Create the groups once the tables and permissions are there."""
        from dataflows.groups import create_groups

        post_migrate.connect(create_groups, sender=self)
