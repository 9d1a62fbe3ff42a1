"""Django admin: who may read which property; the registry itself is shown, not changed, there."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from dataflows.models import DataFlow, DataFlowIncident, OutboxEvent, PropertyGrant, WarehouseOutage


class ReadOnlyAdmin(admin.ModelAdmin):  # type: ignore[type-arg]  # not generic at run time
    """Shows rows that only services may change."""

    def has_add_permission(self, request: HttpRequest) -> bool:  # noqa: ARG002 - Django's signature
        """Nobody adds here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody changes here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:  # noqa: ARG002
        """Nobody deletes here."""
        return False


@admin.register(DataFlow)
class DataFlowAdmin(ReadOnlyAdmin):
    """The registry."""

    list_display = ("display_name", "property_id", "status", "desired_state", "revision", "created_by")
    list_filter = ("status", "desired_state")
    search_fields = ("display_name", "property_id")


@admin.register(OutboxEvent)
class OutboxEventAdmin(ReadOnlyAdmin):
    """What was published, and what waits."""

    list_display = ("created_at", "detail_type", "data_flow", "state", "attempts", "published_at")
    list_filter = ("state", "detail_type")


@admin.register(DataFlowIncident)
class DataFlowIncidentAdmin(ReadOnlyAdmin):
    """What was wrong, and what is."""

    list_display = ("since", "data_flow", "report", "kind", "cause", "state", "attempts", "requested_by")
    list_filter = ("state", "kind", "cause")


@admin.register(WarehouseOutage)
class WarehouseOutageAdmin(ReadOnlyAdmin):
    """When the warehouse did not answer."""

    list_display = ("since", "is_over", "message")
    list_filter = ("is_over",)


@admin.register(PropertyGrant)
class PropertyGrantAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Who may read which property."""

    list_display = ("user", "data_flow")
    autocomplete_fields = ("user", "data_flow")
