"""The data flow registry."""

from django.apps import AppConfig


class DataFlowsConfig(AppConfig):
    """Registers GA4 properties and follows what becomes of them."""

    name = "dataflows"
