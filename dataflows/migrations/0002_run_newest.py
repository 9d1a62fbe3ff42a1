from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("dataflows", "0001_initial"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="run",
            index=models.Index(fields=["data_flow", "report", "changed_at"], name="run_newest"),
        ),
    ]
