"""Django's `migrate`, by one host at a time: of several that start at once, the others wait and find nothing to do."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import connection

_LOCK: Final = "myapp-migrate"
_ASK_SECONDS: Final = 5  # below MYAPP_STATEMENT_SECONDS, after which the server ends the question


class Command(BaseCommand):
    """Migrates while it holds a named lock of the database server."""

    help = "Apply the migrations, unless another host is applying them: then wait for it first."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the longest time to wait for another host."""
        parser.add_argument("--wait-seconds", type=int, default=600)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Migrate. Raises CommandError when another host holds the lock for longer than is waited."""
        with _locked(options["wait_seconds"]):
            call_command("migrate", interactive=False, verbosity=options["verbosity"])


@contextmanager
def _locked(wait_seconds: int) -> Iterator[None]:
    deadline = time.monotonic() + wait_seconds
    while not _ask("SELECT GET_LOCK(%s, %s)", _LOCK, min(_ASK_SECONDS, wait_seconds)):
        if time.monotonic() >= deadline:
            raise CommandError(
                f"Another host has been migrating for {wait_seconds} seconds. See what it does (SHOW PROCESSLIST), "
                "then start this again."
            )
    try:
        yield
    finally:
        _ask("SELECT RELEASE_LOCK(%s)", _LOCK)


def _ask(question: str, *values: str | int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(question, values)
        return bool(cursor.fetchone() == (1,))
