import pytest
from django.core.management import call_command


@pytest.mark.django_db
def test_the_migrations_make_what_the_models_declare() -> None:
    # Exits with an error, which fails the test, when a migration is missing.
    call_command("makemigrations", check=True, dry_run=True, verbosity=1)
