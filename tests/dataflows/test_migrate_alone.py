"""Of hosts that start at once one migrates, and the others wait for it."""

from collections.abc import Iterator
from threading import Thread

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from deploy.local.processes import wait_until

LOCK = "myapp-migrate"


@pytest.fixture
def other_host(db: None) -> Iterator["OtherHost"]:
    host = OtherHost()
    yield host
    host.leave()


class OtherHost:
    """A connection of its own that holds the lock."""

    def __init__(self) -> None:
        self._connection = connection.copy()
        self._connection.inc_thread_sharing()
        self._ask("SELECT GET_LOCK(%s, 0)")

    def leave(self) -> None:
        self._connection.close()

    def leave_once_somebody_waits(self) -> None:
        waiting = "SELECT COUNT(*) FROM information_schema.processlist WHERE state = 'User lock'"
        with self._connection.cursor() as cursor:
            wait_until(lambda: cursor.execute(waiting) == 1 and cursor.fetchone() != (0,), 30)
        self.leave()

    def _ask(self, question: str) -> None:
        with self._connection.cursor() as cursor:
            cursor.execute(question, [LOCK])
            assert cursor.fetchone() == (1,)


def is_free() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT IS_FREE_LOCK(%s)", [LOCK])
        return bool(cursor.fetchone() == (1,))


def test_migrates_and_lets_the_next_one_in(db: None) -> None:
    call_command("migrate_alone", verbosity=0)

    assert is_free()


def test_says_what_to_do_when_another_host_does_not_finish(other_host: "OtherHost") -> None:
    with pytest.raises(CommandError, match="SHOW PROCESSLIST"):
        call_command("migrate_alone", wait_seconds=0)


def test_waits_for_the_other_host(other_host: "OtherHost") -> None:
    thread = Thread(target=other_host.leave_once_somebody_waits)
    thread.start()
    call_command("migrate_alone", wait_seconds=60, verbosity=0)
    thread.join()

    assert is_free()
