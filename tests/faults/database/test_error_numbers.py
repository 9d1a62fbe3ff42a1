"""Which of the database's errors end a load for now: the number is named, and the cause of the error to be raised."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pymysql
import pytest

from dataflows.contracts.errors import TransientError
from deploy.local.processes import wait_until
from serving.config import Config
from serving.mysql import connection, transient_errors_named
from tests.faults.loading.database import Database
from tests.faults.proxy import FaultProxy

PASSING = (1020, 1040, 1053, 1158, 1159, 1160, 1161, 1205, 1213, 1290, 1317, 1792, 1836, 1927)
PASSING_TOO = (2003, 2006, 2013, 2055, 3169, 4031)  # the driver's own, and those of MySQL 8
LASTING = {
    1064: "SELEC 1",
    1146: "SELECT 1 FROM no_such_table",
    1366: "INSERT INTO numbers VALUES ('no number')",
}
_PATIENCE_SECONDS = 60.0

pytestmark = pytest.mark.django_db


def say(config: Config, *steps: str | Callable[[], None]) -> None:
    """Speak to the database as a load does: statements, and what happens between them."""
    with connection(config) as session, transient_errors_named(), session.cursor() as cursor:
        for step in steps:
            if callable(step):
                step()
            else:
                cursor.execute(step)


@pytest.mark.parametrize("number", [*PASSING, *PASSING_TOO])
def test_passing_error_is_tried_again_and_named(number: int, config: Config) -> None:
    with pytest.raises(TransientError, match=rf"\(\({number}, 'as the server says it'\)\); the load is tried again"):
        say(config, f"SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = {number}, MESSAGE_TEXT = 'as the server says it'")


@pytest.mark.parametrize("number", LASTING)
def test_lasting_error_goes_through_as_it_is(number: int, config: Config) -> None:
    with pytest.raises(pymysql.err.MySQLError) as raised:
        say(config, "CREATE TEMPORARY TABLE numbers (number INT)", LASTING[number])

    assert raised.value.args[0] == number


def test_connection_cut_while_a_statement_runs_is_2013(config: Config, database: Database) -> None:
    with FaultProxy(config.database_port) as proxy, ThreadPoolExecutor() as pool:
        cutting = pool.submit(cut_once_it_runs, proxy, database)
        with pytest.raises(TransientError, match="2013") as raised:
            say(through(proxy, config), "SELECT SLEEP(3600)")
        cutting.result()

    assert number_of(raised.value.__cause__) == 2013


def test_connection_cut_before_the_next_statement_is_2006(config: Config) -> None:
    with FaultProxy(config.database_port) as proxy, pytest.raises(TransientError, match="2006") as raised:
        say(through(proxy, config), "SELECT 1", proxy.cut, "SELECT 2")

    assert number_of(raised.value.__cause__) == 2006


def through(proxy: FaultProxy, config: Config) -> Config:
    return config.model_copy(update={"database_port": proxy.port})


def cut_once_it_runs(proxy: FaultProxy, database: Database) -> None:
    with database.connect() as session, session.cursor() as cursor:
        query = "SELECT 1 FROM information_schema.processlist WHERE db = DATABASE() AND info = 'SELECT SLEEP(3600)'"
        assert wait_until(lambda: bool(cursor.execute(query)), _PATIENCE_SECONDS)
    proxy.cut()


def number_of(error: BaseException | None) -> int | None:
    return error.args[0] if isinstance(error, pymysql.err.OperationalError) else None
