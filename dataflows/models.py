"""The registry: data flows, the events that announce them, and what came back."""

import uuid
from typing import Any

from django.conf import settings
from django.db import models

from dataflows.contracts.events import DataFlowState, OnInvalid, RunStatus, Station
from dataflows.contracts.incidents import MAX_REMEDY_LENGTH, IncidentCause, IncidentKind, IncidentState


def _choices(values: Any) -> list[tuple[str, str]]:
    return [(value.value, value.value.replace("_", " ").capitalize()) for value in values]


class DataFlow(models.Model):
    """One registered GA4 property: its reports, range and schedule, and how far it has come."""

    class Status(models.TextChoices):
        """What the operator sees: our own steps first, then what Account 2 answered."""

        QUEUED = "queued", "Queued"
        PUBLISHED = "published", "Published"
        RETRYING = "retrying", "Retrying"
        UNDELIVERED = "undelivered", "Could not be sent"
        RECEIVED = "received", "Received"
        SCHEMA_READY = "schema_ready", "Schema ready"
        FLOWS_CREATED = "flows_created", "Flows created"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        REMOVED = "removed", "Removed"
        FAILED = "failed", "Failed"

    SETTLED = (Status.ACTIVE, Status.PAUSED, Status.REMOVED, Status.FAILED, Status.UNDELIVERED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    property_id = models.CharField(max_length=18, unique=True, db_collation="ascii_bin")
    display_name = models.CharField(max_length=100)
    time_zone = models.CharField(max_length=64)
    currency_code = models.CharField(max_length=3)
    connector_profile = models.CharField(max_length=256)
    reports = models.JSONField(help_text="As in the event: declared slugs and custom reports.")
    start_date = models.DateField()
    lookback_days = models.PositiveSmallIntegerField()
    refresh_hour_local = models.PositiveSmallIntegerField()
    filters = models.JSONField(default=list)
    on_invalid = models.CharField(max_length=20, choices=_choices(OnInvalid))
    desired_state = models.CharField(max_length=10, choices=_choices(DataFlowState), default=DataFlowState.ACTIVE.value)
    revision = models.PositiveIntegerField(default=1)
    status = models.CharField(max_length=20, choices=Status.choices, default=Status.QUEUED)
    status_revision = models.PositiveIntegerField(default=0, help_text="The revision `status` speaks of.")
    status_message = models.TextField(blank=True)
    status_changed_at = models.DateTimeField(null=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ("display_name", "property_id")
        permissions = (("register_data_flow", "Can register and change data flows"),)

    def __str__(self) -> str:
        return f"{self.display_name} ({self.property_id})"

    @property
    def is_settled(self) -> bool:
        """Whether nothing more is to come by itself for what was asked last."""
        return self.status in self.SETTLED


class OutboxEvent(models.Model):
    """An event that was decided in the same transaction as its cause; kept until it is published."""

    class State(models.TextChoices):
        """Whether EventBridge has it."""

        QUEUED = "queued", "Queued"
        PUBLISHED = "published", "Published"
        GIVEN_UP = "given_up", "Given up"

    event_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    data_flow = models.ForeignKey(DataFlow, on_delete=models.CASCADE, related_name="outbox_events")
    revision = models.PositiveIntegerField(help_text="The data flow's, when the event was decided.")
    correlation_id = models.UUIDField(db_index=True)
    detail_type = models.CharField(max_length=60)
    detail = models.TextField(help_text="The event's detail, as JSON.")
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField()
    claimed_by = models.UUIDField(null=True)
    claimed_until = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    aws_event_id = models.CharField(max_length=64, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    published_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ("created_at", "event_id")
        indexes = (models.Index(fields=("state", "next_attempt_at"), name="outbox_due"),)

    def __str__(self) -> str:
        return f"{self.detail_type} {self.event_id}: {self.state}"


class TimelineEntry(models.Model):
    """Something that happened to a data flow: one hop of a correlation id, told once."""

    event_id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    data_flow = models.ForeignKey(DataFlow, on_delete=models.CASCADE, related_name="timeline")
    correlation_id = models.UUIDField(db_index=True)
    station = models.CharField(max_length=10, choices=_choices(Station))
    status = models.CharField(max_length=20)
    report = models.CharField(max_length=40, blank=True)
    rows = models.BigIntegerField(null=True)
    message = models.TextField(blank=True)
    occurred_at = models.DateTimeField()
    recorded_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("recorded_at", "occurred_at")

    def __str__(self) -> str:
        return f"{self.station} {self.status}"


class Run(models.Model):
    """One run of one report over a range of dates, as Account 2 reports it."""

    run_id = models.CharField(max_length=32, primary_key=True)
    data_flow = models.ForeignKey(DataFlow, on_delete=models.CASCADE, related_name="runs")
    correlation_id = models.UUIDField()
    report = models.CharField(max_length=40)
    execution_id = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=10, choices=_choices(RunStatus))
    start_date = models.DateField()
    end_date = models.DateField()
    rows = models.BigIntegerField(default=0)
    rows_rejected = models.BigIntegerField(default=0)
    message = models.TextField(blank=True)
    started_at = models.DateTimeField(null=True)
    changed_at = models.DateTimeField()

    class Meta:
        ordering = ("-changed_at",)
        indexes = (
            models.Index(fields=("data_flow", "report", "changed_at"), name="run_newest"),
            models.Index(fields=("data_flow", "changed_at"), name="run_last"),
        )

    def __str__(self) -> str:
        return f"{self.report} {self.start_date}…{self.end_date}: {self.status}"


class DataFlowIncident(models.Model):
    """Something that is wrong with a report until somebody acts, as Account 2 tells it; one row from first to last."""

    incident_id = models.UUIDField(primary_key=True, editable=False)
    data_flow = models.ForeignKey(DataFlow, on_delete=models.CASCADE, related_name="incidents")
    correlation_id = models.UUIDField()
    report = models.CharField(max_length=40)
    kind = models.CharField(max_length=20, choices=_choices(IncidentKind))
    cause = models.CharField(max_length=20, choices=_choices(IncidentCause))
    state = models.CharField(max_length=10, choices=_choices(IncidentState))
    run_id = models.CharField(max_length=32, blank=True, help_text="What Retry makes again; empty: there is no Retry.")
    start_date = models.DateField()
    end_date = models.DateField()
    since = models.DateTimeField()
    message = models.TextField()
    remedy = models.CharField(max_length=MAX_REMEDY_LENGTH, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    requested_by = models.CharField(max_length=150, blank=True)
    changed_at = models.DateTimeField(help_text="Of the newest news that is shown.")
    asked_at = models.DateTimeField(null=True, help_text="When Retry was pressed here, until there is news of it.")

    class Meta:
        ordering = ("since", "incident_id")
        indexes = (models.Index(fields=("data_flow", "state"), name="incident_state"),)

    def __str__(self) -> str:
        return f"{self.report} {self.start_date}…{self.end_date}: {self.kind}, {self.state}"


class WarehouseOutage(models.Model):
    """A time in which the warehouse does not answer, as Account 2 tells it: a trouble of every data flow."""

    outage_id = models.UUIDField(primary_key=True, editable=False)
    since = models.DateTimeField()
    message = models.TextField()
    remedy = models.CharField(max_length=MAX_REMEDY_LENGTH, blank=True)
    is_over = models.BooleanField(default=False)

    class Meta:
        ordering = ("since", "outage_id")

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d %H:%M}: {self.message}"


class PropertyGrant(models.Model):
    """Lets a user read the reports of one property; operators and staff read all."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="property_grants")
    data_flow = models.ForeignKey(DataFlow, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "data_flow"), name="granted_once"),)

    def __str__(self) -> str:
        return f"{self.user} may read {self.data_flow}"
