import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dataflows", "0002_run_newest"),
    ]

    operations = [
        migrations.CreateModel(
            name="DataFlowIncident",
            fields=[
                ("incident_id", models.UUIDField(editable=False, primary_key=True, serialize=False)),
                ("correlation_id", models.UUIDField()),
                ("report", models.CharField(max_length=40)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("run_failed", "Run failed"),
                            ("flow_deactivated", "Flow deactivated"),
                            ("run_missing", "Run missing"),
                            ("data_late", "Data late"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "cause",
                    models.CharField(
                        choices=[
                            ("transient", "Transient"),
                            ("authentication", "Authentication"),
                            ("permission", "Permission"),
                            ("schema", "Schema"),
                            ("quota", "Quota"),
                            ("warehouse", "Warehouse"),
                            ("unknown", "Unknown"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("retrying", "Retrying"), ("resolved", "Resolved")], max_length=10
                    ),
                ),
                (
                    "run_id",
                    models.CharField(
                        blank=True, help_text="What Retry makes again; empty: there is no Retry.", max_length=32
                    ),
                ),
                ("start_date", models.DateField()),
                ("end_date", models.DateField()),
                ("since", models.DateTimeField()),
                ("message", models.TextField()),
                ("remedy", models.CharField(blank=True, max_length=500)),
                ("attempts", models.PositiveIntegerField(default=0)),
                ("requested_by", models.CharField(blank=True, max_length=150)),
                ("changed_at", models.DateTimeField(help_text="Of the newest news that is shown.")),
                (
                    "asked_at",
                    models.DateTimeField(
                        help_text="When Retry was pressed here, until there is news of it.", null=True
                    ),
                ),
                (
                    "data_flow",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="incidents", to="dataflows.dataflow"
                    ),
                ),
            ],
            options={
                "ordering": ("since", "incident_id"),
                "indexes": [models.Index(fields=["data_flow", "state"], name="incident_state")],
            },
        ),
    ]
