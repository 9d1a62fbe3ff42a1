"""Migrations are what the models declare, and expand before they contract: old and new code run side by side."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from zlib import crc32

import pytest
from django.core.management import call_command
from django.test import override_settings
from django_migration_linter import MigrationLinter

from deploy.local.state import REPOSITORY

# Migrations that take something away, by name, with the release whose code was the last to use it: an earlier one.
# In the same release they would break the hosts and functions that still run the code before.
CONTRACTED: Final[Mapping[str, str]] = {}

PLANTED = """
from django.db import migrations, models

class Migration(migrations.Migration):
    dependencies = [("reports", "{last}")]
    operations = [migrations.{operation}]
"""


def _is_safe() -> bool:
    """Tell whether the SQL of our migrations, as MySQL would get it, leaves the code before it working."""
    linter = MigrationLinter(
        no_cache=True, include_apps=["dataflows", "reports"], ignore_initial_migrations=True, ignore_name=CONTRACTED
    )
    linter.lint_all_migrations()
    return not linter.has_errors


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_declare() -> None:
    # Exits with an error, which fails the test, when a migration is missing.
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)


@pytest.mark.django_db
def test_no_migration_breaks_the_code_that_still_runs() -> None:
    assert _is_safe()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("operation", "is_safe"),
    [
        ('AddField("quarantine", "new", models.TextField(null=True))', True),
        ('AddField("quarantine", "new", models.IntegerField(db_default=0))', True),
        ('AddField("quarantine", "new", models.IntegerField(default=0))', False),
        ('RemoveField("quarantine", "sent_again_at")', False),
        ('RenameField("quarantine", "sent_again_at", "again_at")', False),
        ('DeleteModel("quarantine")', False),
        ('AlterModelTable("quarantine", "report_kept")', False),
    ],
)
def test_a_migration_that_breaks_older_code_is_found(
    operation: str, is_safe: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = f"planted_{crc32(operation.encode())}"  # Python imports a name once
    folder = shutil.copytree(REPOSITORY / "reports/migrations", tmp_path / package)
    last = max(path.stem for path in folder.glob("0*.py"))
    (folder / "9999_planted.py").write_text(PLANTED.format(last=last, operation=operation))
    monkeypatch.syspath_prepend(tmp_path)

    with override_settings(MIGRATION_MODULES={"reports": package}):
        assert _is_safe() is is_safe
