"""The reports application."""

from django.apps import AppConfig


class ReportsConfig(AppConfig):
    """Serves what the loader wrote: report pages and the REST API."""

    name = "reports"
