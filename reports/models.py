"""What the loader writes: a table for each declared report, and the record of what was loaded.

The report models are made from `contracts.reports`: `makemigrations` finds a new declaration. The
loader in Account 1 writes these tables by the same declaration, over its own connection.
"""

from typing import Any, Final

from django.db import models

from dataflows.contracts.ga4 import FieldType
from dataflows.contracts.reports import REPORT_TABLES, Column, ReportTable
from reports.fields import HashField


def _property_id() -> "models.CharField[str, str]":
    return models.CharField(max_length=18, db_collation="ascii_bin")


def _report_id() -> "models.CharField[str, str]":
    return models.CharField(max_length=40, db_collation="ascii_bin")


def _value_field(column: Column) -> "models.Field[Any, Any]":
    if column.type is FieldType.TEXT:
        return models.TextField(null=True, db_collation="utf8mb4_bin")
    if column.type is FieldType.INTEGER:
        return models.BigIntegerField(null=True)
    return models.DecimalField(max_digits=38, decimal_places=10, null=True)


def _report_model(table: ReportTable) -> type[models.Model]:
    fields: dict[str, Any] = {
        "pk": models.CompositePrimaryKey(*table.key_columns),
        "property_id": _property_id(),
        **({"report_id": _report_id()} if table.is_custom else {}),
        "date": models.DateField(),
        "dimension_hash": HashField(),
        **{column.name: _value_field(column) for column in table.value_columns},
        "__module__": __name__,
        "__doc__": f"A row of {table.name}, as the warehouse combined it.",
        "Meta": type("Meta", (), {"db_table": table.mysql_name}),
    }
    return type(f"{table.name.title().replace('_', '')}Row", (models.Model,), fields)


REPORT_MODELS: Final = {table.name: _report_model(table) for table in REPORT_TABLES.values()}


class Partition(models.Model):
    """One report of one property on one date: which generation of it MySQL holds."""

    pk = models.CompositePrimaryKey("property_id", "report_id", "date")
    property_id = _property_id()
    report_id = _report_id()
    date = models.DateField()
    generation = models.BigIntegerField()
    row_count = models.BigIntegerField()
    run_id = models.CharField(max_length=32, db_collation="ascii_bin")
    loaded_at = models.DateTimeField()
    counted_at = models.DateTimeField(null=True, help_text="When its rows were last counted; empty since a load.")

    class Meta:
        db_table = "report_partition"

    def __str__(self) -> str:
        return f"{self.report_id} of {self.property_id} on {self.date}: generation {self.generation}"


class LedgerEntry(models.Model):
    """What was loaded from what: one row for each generation of a partition that reached MySQL."""

    property_id = _property_id()
    report_id = _report_id()
    date = models.DateField()
    generation = models.BigIntegerField()
    data_flow_id = models.UUIDField(null=True, help_text="Empty for what was loaded before unloads named it.")
    correlation_id = models.UUIDField(null=True, help_text="The request that the rows follow from; empty as above.")
    run_id = models.CharField(max_length=32, db_collation="ascii_bin")
    manifest_key = models.CharField(max_length=255)
    row_count = models.BigIntegerField()
    rows_inserted = models.BigIntegerField()
    rows_updated = models.BigIntegerField()
    rows_deleted = models.BigIntegerField()
    sums = models.JSONField()
    loaded_at = models.DateTimeField()

    class Meta:
        db_table = "report_ledger"
        constraints = (
            models.UniqueConstraint(
                fields=("property_id", "report_id", "date", "generation"), name="ledger_once_per_generation"
            ),
        )
        indexes = (models.Index(fields=("property_id", "correlation_id"), name="ledger_by_request"),)

    def __str__(self) -> str:
        return f"{self.report_id} of {self.property_id} on {self.date}: generation {self.generation}"


class Quarantine(models.Model):
    """An unload that could not be loaded, and why; its objects are kept."""

    bucket = models.CharField(max_length=63)
    manifest_key = models.CharField(max_length=255)
    run_id = models.CharField(max_length=32, db_collation="ascii_bin")
    report_table = models.CharField(max_length=40)
    reason = models.CharField(max_length=60)
    message = models.TextField()
    quarantined_at = models.DateTimeField()
    resolved_at = models.DateTimeField(null=True)
    sent_again_at = models.DateTimeField(
        null=True, help_text="When it was last asked to be loaded; empty once it failed."
    )

    class Meta:
        db_table = "report_quarantine"
        constraints = (models.UniqueConstraint(fields=("bucket", "manifest_key"), name="quarantine_once_per_manifest"),)

    def __str__(self) -> str:
        return f"{self.manifest_key}: {self.reason}"
