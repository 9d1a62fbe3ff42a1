"""Create the two groups: operators register data flows, analysts read the reports they are granted."""

from django.db import migrations


def create_groups(apps, schema_editor):
    Group = apps.get_model("auth", "Group")
    Permission = apps.get_model("auth", "Permission")
    ContentType = apps.get_model("contenttypes", "ContentType")
    data_flow_type, _ = ContentType.objects.get_or_create(app_label="dataflows", model="dataflow")
    register, _ = Permission.objects.get_or_create(
        codename="register_data_flow",
        content_type=data_flow_type,
        defaults={"name": "Can register and change data flows"},
    )
    operators, _ = Group.objects.get_or_create(name="operator")
    operators.permissions.add(register)
    Group.objects.get_or_create(name="analyst")


def remove_groups(apps, schema_editor):
    apps.get_model("auth", "Group").objects.filter(name__in=("operator", "analyst")).delete()


class Migration(migrations.Migration):
    dependencies = [
        ("dataflows", "0001_initial"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(create_groups, remove_groups)]
